"""Walk every path anew and keep its history.

    python -m tests.replay.record           # all of them
    python -m tests.replay.record expiry    # those named

Only for histories that no running checkout can have any more: replaying the old ones is the test.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from config.keys import new_key
from devstack.ports import Ports
from devstack.postgres import create_database, running_postgres
from devstack.programs import ROOT
from tests.replay.scenarios import SCENARIOS, Scenario
from tests.workflow.world import skipping_world

HISTORIES = Path(__file__).parent / "histories"


async def record(name: str, scenario: Scenario, database_url: str) -> None:
    async with skipping_world(database_url, scenario.accounts) as world:
        walked = await scenario.walk(world)
        workflow_id, run_id = (walked, None) if isinstance(walked, str) else walked
        history = await world.client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        await asyncio.to_thread((HISTORIES / f"{name}.json").write_text, history.to_json() + "\n")
    print(name, len(history.events))


async def main() -> None:
    os.environ.setdefault("ENCRYPTION_KEYS", new_key("recorded"))
    with tempfile.TemporaryDirectory(prefix="smartpay-record-") as directory:
        async with running_postgres(Path(directory) / "postgres", Ports.free().postgres) as url:
            database_url = await create_database(url, "recorded")
            subprocess.run(  # noqa: ASYNC221 - our own interpreter
                [sys.executable, "-m", "alembic", "upgrade", "head"],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": database_url},
                check=True,
            )
            for name in sys.argv[1:] or SCENARIOS:
                scenario = SCENARIOS[name]
                await record(name, scenario, database_url)


if __name__ == "__main__":
    asyncio.run(main())
