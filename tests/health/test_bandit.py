"""The simulation of a falling and a recovering account, with the product's own ordering."""

import pytest

from bench.bandit import PHASES, fixed, learned, main, moved_after


@pytest.mark.parametrize("seed", range(1, 6))
def test_traffic_leaves_a_falling_account_within_200_decisions_and_returns(seed: int) -> None:
    run = learned(seed)
    left, back = moved_after(run, 1), moved_after(run, 2)
    assert left is not None
    assert left <= 200
    assert back is not None
    assert run.regret[-1] < 0.75 * fixed().regret[-1]
    assert run == learned(seed)


def test_the_report_prints_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "2"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 4
    assert f"fixed order: {0.4 * PHASES[1].decisions:.1f}" in printed
