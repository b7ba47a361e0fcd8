"""Whether this tree's workflow code can carry on what is recorded: kept histories, runs of a namespace.

A run that cannot be carried on stands still in production, with its checkout, until code comes that can.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from google.protobuf.json_format import ParseError
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from config.temporal import DATA_CONVERTER
from worker import WORKFLOWS

_LONGEST_REASON: Final = 600


class BadHistory(Exception):
    """A file that holds no history."""


class Recorded(NamedTuple):
    """A history and what people call it."""

    name: str
    workflow: str
    """The workflow's type."""
    history: WorkflowHistory


class Replayed(NamedTuple):
    name: str
    workflow: str
    events: int
    reason: str | None
    """Why the run cannot be carried on; None where it can."""


async def from_files(files: Iterable[Path]) -> AsyncIterator[Recorded]:
    """Histories as `temporal workflow show --output json` and the web UI write them. Raises BadHistory."""
    for file in files:
        try:
            history = WorkflowHistory.from_json(file.stem, await asyncio.to_thread(file.read_text))
        except OSError as error:
            raise BadHistory(f"{file}: {error.strerror}") from error
        except (ValueError, TypeError, ParseError) as error:
            raise BadHistory(f"{file}: not a workflow's history in JSON") from error
        yield Recorded(str(file), _type_of(history), history)


async def from_namespace(client: Client, task_queue: str, *, closed: int) -> AsyncIterator[Recorded]:
    """Every open run of the task queue, and the `closed` last ones of each workflow type. Raises RPCError.

    A run whose history is gone by the time that it is fetched (retention) is left out.
    """
    queue = f"TaskQueue = '{task_queue}'"
    async for each in _runs(client, f"{queue} AND ExecutionStatus = 'Running'"):
        yield each
    if closed:
        for workflow in WORKFLOWS:
            kind = f"WorkflowType = '{workflow.__name__}'"
            async for each in _runs(
                client, f"{queue} AND {kind} AND ExecutionStatus != 'Running'", limit=closed
            ):
                yield each


async def _runs(client: Client, query: str, *, limit: int | None = None) -> AsyncIterator[Recorded]:
    async for run in client.list_workflows(query, limit=limit):
        try:
            history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            continue
        yield Recorded(f"{run.id} (run {run.run_id})", run.workflow_type, history)


async def replay(
    recorded: AsyncIterator[Recorded],
    *,
    data_converter: DataConverter = DATA_CONVERTER,
    workflows: Sequence[type] = WORKFLOWS,
) -> AsyncIterator[Replayed]:
    """Each in turn, as soon as it is known, run as a worker runs it."""
    replayer = Replayer(
        workflows=workflows,
        data_converter=data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
        runtime=Runtime(telemetry=TelemetryConfig(logging=None)),  # it would log to standard output
    )
    following: list[Recorded] = []

    async def histories() -> AsyncIterator[WorkflowHistory]:
        async for each in recorded:
            following.append(each)
            yield each.history

    async with replayer.workflow_replay_iterator(histories()) as results:
        async for result in results:
            each = following.pop()
            failure = result.replay_failure
            yield Replayed(
                each.name,
                each.workflow,
                len(each.history.events),
                None if failure is None else _reason(failure),
            )


def _type_of(history: WorkflowHistory) -> str:
    first = history.events[0] if history.events else None
    if first is None or first.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        raise BadHistory(f"{history.workflow_id}: does not begin with the start of a workflow")
    return first.workflow_execution_started_event_attributes.workflow_type.name


def _reason(failure: Exception) -> str:
    """The innermost message of what the SDK says, on one line."""
    text = str(failure)
    messages = re.findall(r'message: "((?:[^"\\]|\\.)*)"', text)
    told = " ".join((messages[-1] if messages else text).split())
    return told[:_LONGEST_REASON] or type(failure).__name__
