"""The quiet periods that hold in production are the ones each adapter documents (I10)."""

from datetime import timedelta

import pytest

from config.settings import Settings
from gateways import transport
from gateways.base import Registration
from gateways.registry import registrations
from tests.contract.case import ContractCase
from tests.contract.every import every


@every()
def test_every_gateway_has_a_documented_quiet_period(case: ContractCase) -> None:
    assert registrations()[case.gateway].capabilities.quiet_period == case.quiet_period


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
