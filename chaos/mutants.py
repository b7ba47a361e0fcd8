"""Our own program with one safety removed, for the proof that the oracle sees what is missing.

    python -m chaos.mutants NAME worker|api

The part is replaced in this process only; everything else is the product as it is. A mutant whose target has
been renamed does not start.
"""

import runpy
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from activities import attempting, compensating, notifying, planning
from activities.messages import Compensated, Step
from api import envelope, inbox, json_guard
from chaos.misbehaviour import Draw
from chaos.mix import NAMED
from chaos.oracle.violations import Harm
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.outcome import Approved, Declined, Outcome, Unknown
from gateways.base import ChargeRequest, Gateway, InvalidSignature, RefundRequest, WebhookEvent
from gateways.registry import registrations
from storage import checkouts, refunds
from storage.tables import WebhookEventRow


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(original)` in place. Raises AttributeError where there is no such part."""
    setattr(owner, name, make(getattr(owner, name)))


def _adapters() -> list[type[Gateway]]:
    """Every gateway's own."""
    registrations()  # imports them
    return Gateway.__subclasses__()


def random_key() -> None:
    """A fresh idempotency key at every send."""

    def make(original: Any) -> Any:
        def charge_request(self: Any, claim: attempting.Claim) -> ChargeRequest:
            request: ChargeRequest = original(self, claim)
            return request.model_copy(update={"idempotency_key": str(uuid.uuid4())})

        return charge_request

    _replace(attempting.Attempting, "_charge_request", make)


def failover_on_timeout() -> None:
    """An unclear answer counts as a no, and the next account is asked."""
    no = Decline(
        category=DeclineCategory.SOFT, code=DeclineCode.GATEWAY_UNAVAILABLE, message="The gateway is silent."
    )
    for adapter in _adapters():

        def make(original: Any) -> Any:
            async def charge(self: Any, request: ChargeRequest) -> Outcome:
                outcome: Outcome = await original(self, request)
                return Declined(decline=no) if isinstance(outcome, Unknown) else outcome

            return charge

        _replace(adapter, "charge", make)


def not_sent_trusted() -> None:
    """ "Nothing has left" is believed of a resend too, although an earlier send may have."""

    def make_claim(original: Any) -> Any:
        async def claim(self: Any, task: Any) -> Any:
            claimed = await original(self, task)
            if isinstance(claimed, attempting.Claim):
                return attempting.Claim(**{**vars(claimed), "first": True})
            return claimed

        return claim

    _replace(attempting.Attempting, "_claim", make_claim)


def _whenever_sent(_attempting: Any, attempt: Any, **_more: Any) -> bool:
    return attempt is not None


def resend_keyless() -> None:
    """A gateway without idempotency keys is sent the same charge again."""

    def make_step(original: Any) -> Any:
        def step(self: Any, *arguments: Any) -> Step:
            planned: Step = original(self, *arguments)
            return planned.model_copy(update={"keyed": True})

        return step

    _replace(planning.Planning, "_step", make_step)
    _replace(attempting.Attempting, "_may_resend", lambda _original: _whenever_sent)


def late_success_ignored() -> None:
    """Nobody looks after an attempt that was left behind: the watcher and the sweep do nothing."""

    def make(original: Any) -> Any:
        async def compensate_attempt(self: Any, task: Any) -> Compensated:  # noqa: ARG001 - does nothing
            return Compensated(result="nothing")

        compensate_attempt.__annotations__ = dict(original.__annotations__)
        vars(compensate_attempt).update(vars(original))
        return compensate_attempt

    _replace(compensating.Compensating, "compensate_attempt", make)


def half_given_back() -> None:
    """Of money that came late, only half goes back."""
    for adapter in _adapters():

        def make(original: Any) -> Any:
            async def refund(self: Any, request: RefundRequest) -> Any:
                return await original(self, request.model_copy(update={"amount": request.amount // 2}))

            return refund

        _replace(adapter, "refund", make)


def amount_unchecked() -> None:
    """A payment of another amount or currency counts as the one asked for."""
    _replace(attempting, "check", lambda _original: lambda payment, **_more: Approved(payment=payment))


def not_found_at_once() -> None:
    """One look-up that finds nothing is believed, without a quiet period."""

    def make(original: Any) -> Any:
        async def look_up(self: Any, task: Any, **_more: Any) -> Any:
            return await original(self, task, believe_not_found=True)

        return look_up

    _replace(attempting.Attempting, "_look_up", make)


def webhooks_kept_twice() -> None:
    """A repeated webhook is another event."""

    def make(original: type[WebhookEventRow]) -> Any:
        def row(**values: Any) -> WebhookEventRow:
            return original(**{**values, "dedupe_key": str(uuid.uuid4())})

        return row

    _replace(inbox, "WebhookEventRow", make)


def signature_unchecked() -> None:
    """Every webhook is believed to come from the gateway."""

    def make(original: Any) -> Any:
        def read_webhook(self: Any, body: bytes, headers: Mapping[str, str], now: datetime) -> Any:
            try:
                return original(self, body, headers, now)
            except InvalidSignature:
                return WebhookEvent(event_id=None, kind="forged", reference=None, payment_id=None)

        return read_webhook

    for adapter in _adapters():
        _replace(adapter, "read_webhook", make)


def reservation_dropped() -> None:
    """A refund is accepted without setting its money aside."""

    def make(_original: Any) -> Any:
        async def reserve(*_arguments: Any) -> bool:
            return True

        return reserve

    _replace(refunds, "reserve", make)


def merchants_mixed_up() -> None:
    """A checkout is shown to whoever asks for it."""

    def make(original: Any) -> Any:
        async def get(session: Any, checkout_id: str, _merchant_id: str | None = None) -> Any:
            return await original(session, checkout_id)

        return get

    _replace(checkouts, "get", make)


def cards_let_in() -> None:
    """Nobody looks for card numbers in what comes in."""
    _replace(json_guard, "find_card_data", lambda _original: lambda *_arguments: None)
    _replace(envelope, "contains_card_number", lambda _original: lambda *_arguments: False)
    _replace(envelope, "pairs_hold_card_data", lambda _original: lambda *_arguments: False)


def notifications_unsigned() -> None:
    """Notifications carry a signature by another secret."""

    def make(original: Any) -> Any:
        def sign(notification_id: str, body: bytes, _keys: Any) -> Any:
            return original(notification_id, body, ["whsec_" + "bm90IHRoZSBzZWNyZXQgb2YgYW55Ym9keQ=="])

        return sign

    _replace(notifying, "sign", make)


Sight = tuple[str, Harm]
"""An invariant and the count under which its violation shows."""


@dataclass(frozen=True)
class Mutant:
    apply: Callable[[], None]
    process: str
    """`worker` or `api`."""
    classes: tuple[str, ...]
    """The classes of checkouts that matter to it."""
    seen_as: tuple[Sight, ...]
    """What the oracle must find, one of them at least: anything else would be another fault's doing."""
    number: int = 4

    @property
    def what(self) -> str:
        return (self.apply.__doc__ or "").strip().splitlines()[0]

    @property
    def mix(self) -> Sequence[tuple[float, Draw]]:
        return [(1.0, NAMED[name]) for name in self.classes]


_DOUBLED: Final = ("I1", Harm.DOUBLED)
_KEPT: Final = (("I5", Harm.ORPHANED), ("I13", Harm.ORPHANED))
_TOO_EARLY: Final = ("I9", Harm.ORDER)

# The slowest first: they wait for money that comes late.
MUTANTS: Final[Mapping[str, Mutant]] = {
    "late-success-ignored": Mutant(
        late_success_ignored, "worker", ("late_charge", "late_prompt"), (_DOUBLED, *_KEPT)
    ),
    "half-given-back": Mutant(
        half_given_back, "worker", ("late_charge",), (("I11", Harm.REFUND), ("I5", Harm.REFUND))
    ),
    "random-key": Mutant(random_key, "worker", ("stale_stripe",), (("I8", Harm.ORDER), _DOUBLED)),
    "failover-on-timeout": Mutant(failover_on_timeout, "worker", ("timeout_after",), (_DOUBLED, _TOO_EARLY)),
    "not-sent-trusted": Mutant(
        not_sent_trusted, "worker", ("resend_refused",), (_DOUBLED, _TOO_EARLY, *_KEPT)
    ),
    "resend-keyless": Mutant(resend_keyless, "worker", ("stale_keyless",), (("I8", Harm.SECOND_SEND),)),
    "not-found-at-once": Mutant(not_found_at_once, "worker", ("stale_keyless",), (("I10", Harm.ORDER),)),
    "amount-unchecked": Mutant(amount_unchecked, "worker", ("wrong",), (("I6", Harm.MISMATCH),)),
    "notifications-unsigned": Mutant(notifications_unsigned, "worker", ("told",), (("I24", Harm.NOTICE),)),
    "reservation-dropped": Mutant(reservation_dropped, "api", ("refund_race",), (("I12", Harm.REFUND),)),
    "webhooks-kept-twice": Mutant(
        webhooks_kept_twice, "api", ("repeated_webhooks",), (("I18", Harm.WEBHOOK),)
    ),
    "signature-unchecked": Mutant(signature_unchecked, "api", ("clean",), (("I19", Harm.WEBHOOK),)),
    "merchants-mixed-up": Mutant(merchants_mixed_up, "api", ("clean",), (("I21", Harm.TENANT),)),
    "cards-let-in": Mutant(cards_let_in, "api", ("clean",), (("I23", Harm.CARD),)),
}


def main() -> None:
    name, process = sys.argv[1:]
    MUTANTS[name].apply()
    sys.argv = [process]
    if process == "worker":
        runpy.run_path("worker.py", run_name="__main__")
    else:
        runpy.run_module("api", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
