"""`make live-check`: the contract suite against the gateways' real test modes, with your own test keys.

Keys come from the environment, as the product reads them (`STRIPE_SECRET_KEY`, ...); a gateway without keys,
or with keys that are not provably of its test mode, is left out. A card token that the gateway's test mode
takes goes into `{GATEWAY}_TEST_TOKEN`; Stripe documents its own.

There are no faults on demand there, nobody acts for the customer, and there is no ledger but what the gateway
tells: what needs those is skipped, and named. The witness is the gateway's own look-up.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from domain.checkout import CaptureMethod, MethodType, PaymentMethod
from domain.outcome import PaymentStatus
from gateways.base import ChargeRequest, FoundRefunds, PaymentHandle, RefundStatus
from gateways.registry import registrations
from tests.contract.case import ContractCase, card
from tests.contract.cases import discover
from tests.contract.trial import Trial

_SWITCH: Final = "SMARTPAY_LIVE_CHECK"
LIVE: Final = os.environ.get(_SWITCH) == "1"

_FILES: Final = ("test_gateways.py", "test_gateways_customer.py", "test_gateways_listing.py")
_NO_TOKEN: Final = "no-token-given"


def credentials_of(case: ContractCase, environ: Mapping[str, str]) -> dict[str, str]:
    """The fields of the gateway's credentials that the environment has, and the defaults of the others."""
    fields = registrations()[case.gateway].credentials.model_fields
    given = {name: environ.get(f"{case.gateway}_{name}".upper(), "") for name in fields}
    defaults = {
        name: str(info.default)
        for name, info in fields.items()
        if not info.is_required() and info.default is not None
    }
    return defaults | {name: value for name, value in given.items() if value}


def why_not(case: ContractCase, environ: Mapping[str, str]) -> str | None:
    """Why the suite does not go to this gateway; None: it does."""
    given = credentials_of(case, environ)
    required = [
        name
        for name, info in registrations()[case.gateway].credentials.model_fields.items()
        if info.is_required()
    ]
    missing = [f"{case.gateway}_{name}".upper() for name in required if name not in given]
    if missing:
        return f"{', '.join(missing)} not set"
    try:
        registrations()[case.gateway].credentials.model_validate(given)
    except ValidationError as fault:
        return f"{case.gateway}_{fault.errors()[0]['loc'][0]}".upper() + " cannot be read"
    if case.test_mode is None or not case.test_mode.proven(given):
        return "these keys are not provably of its test mode"
    return None


def live_cases() -> list[ContractCase]:
    return [_live(case) for case in discover() if why_not(case, os.environ) is None]


def _live(case: ContractCase) -> ContractCase:
    """The case with real credentials, without what only the sandbox knows."""
    given = credentials_of(case, os.environ)
    token = os.environ.get(f"{case.gateway}_test_token".upper(), "")
    documented = case.test_mode is not None and case.test_mode.tokens_are_documented
    success = card(case.gateway, token or _NO_TOKEN) if token or not documented else case.success
    return replace(
        case,
        credentials=lambda _base_url: given,
        success=success,
        declines=case.declines if documented else {},
        unknown_token=case.unknown_token if documented else None,
        challenge=None,
        pending=None,
        prompts={},
    )


class LiveTrial(Trial):
    """A payment tried at the real gateway: what cannot be done there skips the test that wants it."""

    _captures: CaptureMethod = CaptureMethod.AUTOMATIC

    def request(
        self,
        method: PaymentMethod | None = None,
        *,
        currency: str | None = None,
        capture: CaptureMethod = CaptureMethod.AUTOMATIC,
        amount: int | None = None,
    ) -> ChargeRequest:
        asked = super().request(method, currency=currency, capture=capture, amount=amount)
        if asked.method.type is MethodType.CARD and _NO_TOKEN in asked.method.tokens.values():
            pytest.skip(f"needs a card token of the test mode: {self.case.gateway.upper()}_TEST_TOKEN")
        self._captures = capture
        return asked

    async def fault(self, operation: str, fault: str, **more: Any) -> None:
        pytest.skip(f"needs a fault on demand: {fault} of {operation} {more or ''}".rstrip())

    async def settle(self, handle: PaymentHandle, outcome: str) -> None:  # noqa: ARG002 - nobody does it
        pytest.skip(f"needs a customer who acts: {outcome}")

    async def ledger(self, *kinds: str) -> list[tuple[str, int, str]]:
        """What the gateway's own look-ups tell, in the words of a ledger."""
        if self.can.told_by_webhook:
            pytest.skip("needs webhooks, which do not arrive here")
        asked = super().request(capture=self._captures)
        rows: list[tuple[str, int, str]] = []
        for payment in await self.found(self.handle(asked)):
            money = payment.status in (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)
            released = payment.status is PaymentStatus.CANCELED and self._captures is CaptureMethod.MANUAL
            if self._captures is CaptureMethod.MANUAL and (money or released):
                rows.append(("authorize", payment.amount, payment.currency))
            if payment.amount_captured:
                rows.append(("capture", payment.amount_captured, payment.currency))
            if released:
                rows.append(("void", payment.amount, payment.currency))
            known = self.handle(asked).model_copy(update={"payment_id": payment.payment_id})
            refunds = await self.gateway.look_up_refunds(known) if money else None
            if isinstance(refunds, FoundRefunds):
                good = [made for made in refunds.refunds if made.status is not RefundStatus.FAILED]
                rows += [("refund", made.amount, payment.currency) for made in reversed(good)]
        return [row for row in rows if not kinds or row[0] in kinds]


def main() -> None:
    """Say what is tried and what is not, then become pytest. Exits with 2 where nothing can be tried."""
    tried = []
    for case in discover():
        reason = why_not(case, os.environ)
        print(f"{case.gateway}: {'will be tried' if reason is None else f'left out, {reason}'}")
        if reason is None:
            tried.append(case.gateway)
    if not tried:
        print("Nothing to try: set the keys of a gateway's test mode, as docs/configuration.md names them.")
        sys.exit(2)
    sys.stdout.flush()
    files = [str(Path(__file__).parent / name) for name in _FILES]
    command = [sys.executable, "-m", "pytest", *files, "-p", "no:cacheprovider", "-q", "-rs", *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, _SWITCH: "1"})  # noqa: S606 - this interpreter


if __name__ == "__main__":
    main()
