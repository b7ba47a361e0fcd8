"""How long a kill was felt: by checkouts that stood still during it, and by no others."""

from pathlib import Path

from chaos.killer import Kill
from chaos.picture import draw_picture
from chaos.report import measure
from chaos.times import moved_after
from tests.chaos.story import SECOND, at, event, failover


def test_a_checkout_that_stood_still_tells_how_long() -> None:
    evidence = failover()
    for index, change in enumerate(evidence.checkout_events):
        if change["kind"] == "attempt.captured":
            evidence.checkout_events[index] = event(11.0, "attempt.captured", SECOND)
    kill = Kill("worker killed", at(8.0), ready_after=2.0)
    assert moved_after(evidence, kill) == 3.0


def test_one_that_went_on_before_or_began_after_says_nothing() -> None:
    evidence = failover()
    assert moved_after(evidence, Kill("API killed", at(9.0), ready_after=2.0)) == 0.0
    assert moved_after(evidence, Kill("API killed", at(9.0))) is None


def test_one_that_waits_for_somebody_else_says_nothing() -> None:
    """Unknown since 2.2 s: the quiet period is what it waits for, not the kill."""
    evidence = failover()
    assert moved_after(evidence, Kill("API killed", at(2.5), ready_after=0.2)) == 0.0


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    kills = [Kill("API killed", at(1.0), ready_after=0.5), Kill("worker killed", at(2.0))]
    evidence = failover()
    report = measure(evidence, [], kills, seed=1)
    draw_picture(evidence, kills, report, tmp_path / "campaign.png")
    assert (tmp_path / "campaign.png").read_bytes().startswith(b"\x89PNG")
