"""Which cases a test of the contract is for."""

from collections.abc import Callable

import pytest

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, MethodType
from gateways.registry import registrations
from tests.contract.case import ContractCase
from tests.contract.cases import discover
from tests.contract.live import LIVE, live_cases

CASES = live_cases() if LIVE else discover()


def every(
    *names: str,
    where: Callable[[ContractCase, Capabilities], bool] = lambda _case, _can: True,
    values: Callable[[ContractCase], list[tuple[object, ...]]] = lambda _case: [()],
) -> pytest.MarkDecorator:
    """Run for every case that `where` lets through, once for each of its `values` (named `names`)."""
    chosen = [
        pytest.param(case, *row, id="-".join([case.gateway, *(str(value) for value in row)]))
        for case in CASES
        if where(case, registrations()[case.gateway].capabilities)
        for row in values(case)
    ]
    return pytest.mark.parametrize(("case", *names), chosen)


def manual(_case: ContractCase, can: Capabilities) -> bool:
    return CaptureMethod.MANUAL in can.captures


def hosted(_case: ContractCase, can: Capabilities) -> bool:
    return MethodType.HOSTED in can.methods


def closable(case: ContractCase, can: Capabilities) -> bool:
    """It has pages, and can close them."""
    return hosted(case, can) and can.closes_pages


def tells(_case: ContractCase, can: Capabilities) -> bool:
    """It can be asked what became of a payment."""
    return not can.told_by_webhook


def lists(_case: ContractCase, can: Capabilities) -> bool:
    return can.lists_payments


def keyed(_case: ContractCase, can: Capabilities) -> bool:
    return can.key_life is not None
