"""An outage of a gateway under load: its circuit opens, is probed, and closes by itself."""

from pathlib import Path

import pytest

from bench.drill import KNOWN_WITHIN, SETTINGS, Drill, report
from devstack.ports import Ports
from devstack.stack import Stack

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _all_well_afterwards() -> None:
    """This stack is the test's own."""


async def test_an_outage_costs_the_first_checkouts_a_moment_and_the_later_ones_nothing(
    tmp_path: Path,
) -> None:
    async with (
        Stack(tmp_path, ports=Ports.free(), workers=2, settings_overrides=SETTINGS) as stack,
        Drill(stack, rate=2, calm=6) as drill,
    ):
        record = await drill.run()
    assert record.problems == [], report(record)
    assert record.broken < record.opened < record.repaired < record.returned, report(record)
    spared = [
        shot for shot in record.between(record.opened + KNOWN_WITHIN, record.repaired) if not shot.probe
    ]
    assert spared, report(record)
    assert {shot.accounts for shot in spared} == {("stripe",)}, report(record)
    probes = [shot for shot in record.shots if shot.probe]
    assert len(probes) >= 2, report(record)
    assert record.opens >= 2, report(record)
