"""`python -m bench.empty`: the ceiling, a workflow that does nothing, on a worker set as ours."""

import asyncio
import signal

from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from config.settings import Settings
from config.temporal import connect

TASK_QUEUE = "bench-empty"


@workflow.defn
class Empty:
    @workflow.run
    async def run(self) -> None:
        return None


async def main() -> None:
    client = await connect(Settings())
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    worker = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Empty],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=1000,
    )
    async with worker:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
