"""Every kept history replays on today's workflow code (W8)."""

import base64
import re
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from config.temporal import DATA_CONVERTER
from tests.replay.scenarios import SCENARIOS
from worker import WORKFLOWS

HISTORIES = Path(__file__).parent / "histories"


def history(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())


@workflow.defn(name="Checkout", sandboxed=False)
class Incompatible:
    """A checkout that waits first: what a careless change looks like."""

    @workflow.run
    async def run(self, _task: dict[str, object]) -> dict[str, object]:
        await workflow.sleep(1)
        return {"status": "succeeded"}


def test_every_path_has_its_history() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} == set(SCENARIOS)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_the_history_replays(name: str) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(history(name))


async def test_an_incompatible_change_is_seen() -> None:
    replayer = Replayer(workflows=[Incompatible], data_converter=DATA_CONVERTER)
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history("straight"))


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_history_holds_ids_only(name: str) -> None:
    """No mail address, token, link or card number may lie in a history."""
    text = (HISTORIES / f"{name}.json").read_text()
    payloads = [base64.b64decode(data).decode() for data in re.findall(r'"data":\s*"([^"]*)"', text)]
    assert payloads
    for forbidden in ("example.com", "tok_", "https://", "email", "phone", "payment_method"):
        assert not any(forbidden in each for each in (text, *payloads))
