"""The quiet periods that hold in production are the ones each adapter documents (I10)."""

from datetime import timedelta

import pytest

from config.settings import Settings
from gateways import transport
from gateways.base import Registration
from gateways.registry import registrations

DOCUMENTED = {
    # Our call cap of 28 s, 80 s that Stripe's own libraries wait, a minute of search lag: rounded up.
    "stripe": timedelta(minutes=5),
    # 28 s at Flutterwave before its 503, 28 s of ours, about ten times: no upper bound is documented.
    "flutterwave": timedelta(minutes=10),
    # 28 s of ours and the 180 s that a prompt lasts, nearly three times: no other bound is documented.
    "paystack": timedelta(minutes=10),
}


def test_every_gateway_has_a_documented_quiet_period() -> None:
    assert {name: found.capabilities.quiet_period for name, found in registrations().items()} == DOCUMENTED


def test_production_settings_do_not_shorten_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUIET_PERIOD", raising=False)
    assert Settings().quiet_period is None


@pytest.mark.parametrize("registration", registrations().values(), ids=registrations())
def test_a_quiet_period_outlasts_our_own_call_by_far(registration: Registration) -> None:
    defaults = {
        name: info.default
        for name, info in registration.credentials.model_fields.items()
        if name in ("base_url", "connect_timeout", "read_timeout")
    }
    longest_call = transport.total_timeout(registration.credentials.model_construct(**defaults))
    assert registration.capabilities.quiet_period > 5 * timedelta(seconds=longest_call)
