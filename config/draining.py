"""Leaving Temporal workers within a time that is known before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog

log = structlog.get_logger()


@asynccontextmanager
async def drained(*workers: AbstractAsyncContextManager[Any], within: timedelta) -> AsyncIterator[None]:
    """Runs them inside, and leaves once they have ended, but after `within` in any case.

    A `temporalio.worker.Worker` ends after its running activities. If its process stood still in the moment
    in which it began to end, it may wait for ever instead: the SDK's `finalize_shutdown` then does not
    return, although every activity has ended and every call is answered (seen with temporalio 1.35.0). What
    a worker left undone is taken over by the others, as after a crash.

    A failure inside is raised, whether they end in time or not.
    """
    failure: BaseException | None = None
    limit = asyncio.timeout(None)
    try:
        async with limit, AsyncExitStack() as running:
            for worker in workers:
                await running.enter_async_context(worker)
            try:
                yield
            except BaseException as error:
                failure = error
                raise
            finally:
                limit.reschedule(asyncio.get_running_loop().time() + within.total_seconds())
    except TimeoutError:
        if not limit.expired():
            raise
        log.warning("worker.not_drained", seconds=within.total_seconds())
        if failure is not None:
            raise failure from None
