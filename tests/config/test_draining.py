"""Workers are left within a time that is known before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from config.draining import drained
from tests.patience import PATIENCE

SOON = timedelta(milliseconds=50)


@asynccontextmanager
async def endless() -> AsyncIterator[None]:
    """A worker that never ends."""
    try:
        yield
    finally:
        await asyncio.Event().wait()


@asynccontextmanager
async def orderly(ended: list[bool]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.sleep(0)
        ended.append(True)


async def test_workers_are_left_when_they_have_ended() -> None:
    ended: list[bool] = []
    async with drained(orderly(ended), orderly(ended), within=timedelta(seconds=PATIENCE)):
        assert not ended
    assert ended == [True, True]


async def test_a_worker_that_never_ends_is_left_all_the_same() -> None:
    async with asyncio.timeout(PATIENCE), drained(endless(), within=SOON):
        pass


async def test_what_failed_inside_is_raised_all_the_same() -> None:
    with pytest.raises(ValueError, match="inside"):
        async with asyncio.timeout(PATIENCE), drained(endless(), within=SOON):
            raise ValueError("inside")


async def test_a_limit_of_the_code_inside_is_its_own() -> None:
    ended: list[bool] = []
    with pytest.raises(TimeoutError):
        async with drained(orderly(ended), within=timedelta(seconds=PATIENCE)):
            raise TimeoutError
    assert ended == [True]
