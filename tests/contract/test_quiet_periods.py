"""The quiet periods that hold in production are the ones each adapter documents (I10)."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from config.settings import Environment, Settings
from devstack.programs import ROOT
from gateways import transport
from gateways.base import Registration
from gateways.registry import registrations
from tests.contract.case import ContractCase
from tests.contract.every import every


@every()
def test_every_gateway_has_a_documented_quiet_period(case: ContractCase) -> None:
    assert registrations()[case.gateway].capabilities.quiet_period == case.quiet_period


@pytest.mark.parametrize("registration", registrations().values(), ids=registrations())
def test_the_page_about_failover_tells_them(registration: Registration) -> None:
    page = (ROOT / "docs" / "failover.md").read_text()
    minutes = int(registration.capabilities.quiet_period / timedelta(minutes=1))
    assert f"| {registration.capabilities.display_name.split()[0]} | {minutes} minutes |" in page


def test_production_settings_do_not_shorten_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUIET_PERIOD", raising=False)
    assert Settings().quiet_period is None


def test_production_refuses_the_override_of_demos(monkeypatch: pytest.MonkeyPatch) -> None:
    """A left-over `QUIET_PERIOD` stops the processes at their start instead of allowing double charges."""
    monkeypatch.setenv("QUIET_PERIOD", "3")
    assert Settings(environment=Environment.DEVELOPMENT).quiet_period == 3
    with pytest.raises(ValidationError, match="QUIET_PERIOD"):
        Settings(environment=Environment.PRODUCTION)


@pytest.mark.parametrize("name", ["Dockerfile", "docker-compose.yml"])
def test_what_is_shipped_for_production_does_not_set_it(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "production" in text
    assert "QUIET_PERIOD" not in text


@pytest.mark.parametrize("registration", registrations().values(), ids=registrations())
def test_a_quiet_period_outlasts_our_own_call_by_far(registration: Registration) -> None:
    defaults = {
        name: info.default
        for name, info in registration.credentials.model_fields.items()
        if name in ("base_url", "connect_timeout", "read_timeout")
    }
    longest_call = transport.total_timeout(registration.credentials.model_construct(**defaults))
    assert registration.capabilities.quiet_period > 5 * timedelta(seconds=longest_call)
