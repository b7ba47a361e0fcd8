"""What a campaign says beside its counts of harm, and what it leaves."""

import json
from pathlib import Path

import pytest

from chaos.__main__ import set_aside
from chaos.report import measure, shortfalls
from tests.chaos.story import failover


@pytest.mark.parametrize(
    ("number", "open_ones", "told"),
    [(60, 1, []), (60, 2, ["96.7% final, at least 99% wanted"]), (1000, 10, []), (1000, 11, ["98.9% final"])],
)
def test_too_few_final_are_told_where_the_number_can_show_it(
    number: int, open_ones: int, told: list[str]
) -> None:
    report = measure(failover(), [], [], seed=1)
    report |= {"not_final": open_ones, "final_share": round(1 - open_ones / number, 4)}
    missed = shortfalls(report)
    assert [line.startswith(start) for line, start in zip(missed, told, strict=True)] == [True] * len(told)


def test_a_violated_campaign_is_kept_with_what_it_was_judged_by(tmp_path: Path) -> None:
    for seed in ("7", "8", "7"):
        (tmp_path / "chaos" / "logs").mkdir(parents=True)
        (tmp_path / "chaos" / "logs" / "api.log").write_text(seed)
        kept = set_aside(tmp_path / "chaos", failover(), f"chaos-violated-{seed}")
        assert (kept / "logs" / "api.log").read_text() == seed
    assert sorted(each.name for each in tmp_path.iterdir()) == ["chaos-violated-7", "chaos-violated-8"]
    evidence = json.loads((kept / "evidence.json").read_text())
    assert len(evidence["ledger"]) == len(failover().ledger)
    assert evidence["transcript"]["records"]
