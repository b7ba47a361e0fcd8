"""A campaign is repeatable, and its mix is the one that is promised."""

from collections import Counter

import pytest

from chaos.mix import MIX, draw
from chaos.scenario import GivingBack


def test_a_seed_draws_the_same_campaign_again() -> None:
    assert draw(7, 200) == draw(7, 200)
    assert draw(7, 200) != draw(8, 200)


def test_two_in_five_are_clean() -> None:
    kinds = Counter(scenario.kind.partition(" ")[0] for scenario in draw(3, 4000))
    assert 0.36 < kinds["clean"] / 4000 < 0.44
    assert sum(weight for weight, _ in MIX) == pytest.approx(100)


def test_every_class_has_its_share_whatever_the_seed() -> None:
    def kinds(seed: int) -> Counter[str]:
        return Counter(scenario.kind for scenario in draw(seed, 1000))

    assert kinds(1) == kinds(2)
    assert sum(scenario.may_stay for scenario in draw(1, 1000)) == 9


def test_a_campaign_does_not_end_in_waiting() -> None:
    drawn = draw(8, 1000)
    assert sum(scenario.unhurried for scenario in drawn) > 50
    assert not any(scenario.unhurried for scenario in drawn[900:])


def test_refunds_and_notifications_have_their_share() -> None:
    drawn = draw(6, 4000)
    assert 0.26 < sum(scenario.notified for scenario in drawn) / 4000 < 0.34
    refunded = [scenario for scenario in drawn if scenario.giving_back is not GivingBack.NONE]
    assert 0.10 < len(refunded) / 4000 < 0.18
    assert {scenario.giving_back for scenario in refunded} == set(GivingBack) - {GivingBack.NONE}
    assert {scenario.merchant for scenario in drawn} == {0, 1}


def test_every_class_is_drawn_and_hardly_any_may_stay_in_review() -> None:
    drawn = draw(5, 4000)
    assert len({scenario.kind for scenario in drawn}) >= 28
    assert sum(scenario.may_stay for scenario in drawn) / 4000 < 0.01


def test_markers_are_unique_and_reach_the_gateways_in_the_address() -> None:
    drawn = draw(9, 1000)
    assert len({scenario.marker for scenario in drawn}) == 1000
    assert all(scenario.request["customer"]["email"].startswith(scenario.marker) for scenario in drawn)
