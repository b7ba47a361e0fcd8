"""A campaign is repeatable, and its mix is the one that is promised."""

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chaos.bodies import MARKETS, card, mobile, page
from chaos.intruder import FORGERIES
from chaos.mix import MIX, draw
from chaos.scenario import GivingBack, Json
from domain.checkout import CaptureMethod, Customer, PaymentMethod
from gateways.base import InvalidSignature
from gateways.registry import Accounts, load_accounts
from routing.bins import BinTable
from routing.policy_files import load_policy
from routing.request import RouteRequest
from routing.router import Router
from sandbox.discovery import gateways

_ROOT = Path(__file__).parents[2]


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
    stays = Counter(scenario.kind for scenario in draw(1, 1000) if scenario.may_stay)
    assert stays.pop("3-D Secure without keys") == 5  # only if a kill loses the link
    assert stays.total() == 9


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
    assert sum(scenario.may_stay for scenario in drawn) / 4000 < 0.015


def test_markers_are_unique_and_reach_the_gateways_in_the_address() -> None:
    drawn = draw(9, 1000)
    assert len({scenario.marker for scenario in drawn}) == 1000
    assert all(scenario.request["customer"]["email"].startswith(scenario.marker) for scenario in drawn)


def test_every_gateway_has_its_market_and_its_forgery() -> None:
    assert MARKETS.keys() == gateways().keys() == FORGERIES.keys()


def test_plans_begin_where_the_mix_wants_them_to() -> None:
    rng = random.Random(1)  # noqa: S311 - has to be repeatable, protects nothing
    for first in MARKETS:
        assert _plan(card(rng, first))[0] == first
        assert len(_plan(card(rng, first))) > 1  # there is somebody to fail over to
        assert _plan(page(rng, first))[0] == first
    for _ in range(20):
        assert _plan(mobile(rng, "paystack")) == ["paystack"]
        assert _plan(mobile(rng, "flutterwave"))[0] == "flutterwave"
    assert [_plan(card(rng, first, capture_method="manual"))[0] for first in ("stripe", "adyen")] == [
        "stripe",
        "adyen",
    ]


def test_forgeries_are_refused_for_their_signature_alone() -> None:
    accounts = _accounts()
    for account, forge in FORGERIES.items():
        forged = forge("evt_forged_1_1")
        with pytest.raises(InvalidSignature):
            accounts.gateway(account).read_webhook(forged.body, forged.headers, datetime.now(UTC))


def _accounts() -> Accounts:
    return load_accounts(
        {
            f"{name}_{field}".upper(): value
            for name, gateway in gateways().items()
            for field, value in gateway.credentials(name).items()
        }
    )


class _NoAddresses:
    def by_ip(self, _text: str | None) -> str | None:
        return None


def _plan(body: Json) -> list[str]:
    """The accounts that the shipped country map would ask, in order."""
    accounts = _accounts().known
    policy = load_policy(_ROOT / "config" / "supportedCountries.json", None, accounts)
    request = RouteRequest(
        amount=body["amount"],
        currency=body["currency"],
        method=PaymentMethod.model_validate(body.get("payment_method", {})),
        customer=Customer.model_validate({**body["customer"], "email": "customer@example.com"}),
        capture_method=CaptureMethod(body.get("capture_method", "automatic")),
        allow_redirect=body.get("allow_redirect", False),
        gateway=body.get("gateway"),
    )
    planned = Router(accounts, policy, BinTable.of({}), _NoAddresses()).plan(request)
    return [step.account for step in planned.plan]
