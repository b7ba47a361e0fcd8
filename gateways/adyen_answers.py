"""What Adyen answers, read strictly: a success that cannot be read to the last digit is no success.

Payments answer 200 with a `resultCode`, links and modifications 201; a refused request answers 4xx with
`{"status", "errorCode", "message", "errorType"}`.
https://docs.adyen.com/online-payments/build-your-integration/payment-result-codes and
https://docs.adyen.com/development-resources/error-codes
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.checkout import CaptureMethod
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.money import InexactAmount
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    NextAction,
    NextActionType,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.adyen_currencies import from_wire
from gateways.adyen_declines import decline_of
from gateways.base import ChargeRequest

log = structlog.get_logger(__name__)

RESULT_CODES: Final = frozenset(
    {
        "AuthenticationFinished",
        "AuthenticationNotRequired",
        "Authorised",
        "Cancelled",
        "ChallengeShopper",
        "Error",
        "IdentifyShopper",
        "PartiallyAuthorised",
        "Pending",
        "PresentToShopper",
        "Received",
        "RedirectShopper",
        "Refused",
    }
)
"""Every documented one. A code that is not listed is pending, and logged once."""

_NEEDS_SHOPPER: Final = frozenset({"ChallengeShopper", "IdentifyShopper", "RedirectShopper"})

IN_PROGRESS: Final = "704"
"""'request already processed or in progress', https://docs.adyen.com/development-resources/api-idempotency"""

_TOKEN_ERRORS: Final = frozenset({"125", "126", "127", "800", "802", "803", "805", "806"})
"""The stored card is not there, or not this shopper's."""

_URL: Final = re.compile(r"https?://[\x21-\x7e]{1,2000}")
_Id = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$")]
_logged: set[str] = set()

M = TypeVar("M", bound=BaseModel)


class Unreadable(Exception):
    """Not an answer that this adapter can read. Says which part, never its value."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Amount(_Strict):
    value: Annotated[int, Field(ge=0, le=10**15)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    @property
    def minor(self) -> int:
        """In ISO minor units. Raises Unreadable."""
        try:
            return from_wire(self.value, self.currency)
        except InexactAmount:
            raise Unreadable("amount") from None


class _Payment(_Strict):
    pspReference: _Id  # noqa: N815 - Adyen's names
    resultCode: Annotated[str, Field(max_length=50)]  # noqa: N815
    merchantReference: _Id | None = None  # noqa: N815
    amount: Amount | None = None
    refusalReason: str | None = None  # noqa: N815
    refusalReasonCode: str | None = None  # noqa: N815


class Link(_Strict):
    id: _Id
    url: str
    status: Annotated[str, Field(max_length=50)]
    reference: _Id
    amount: Amount


class Modification(_Strict):
    pspReference: _Id  # noqa: N815
    status: Annotated[str, Field(max_length=50)]


class Problem(_Strict):
    """A request that was not accepted. `transient`: it had no effect and may be sent again."""

    code: str
    kind: str
    transient: bool


def payment_outcome(response: httpx.Response, capture_method: CaptureMethod) -> Outcome:
    """Raises Unreadable."""
    if response.status_code != 200:
        return refused_request(response)
    read = _read(_Payment, response)
    match read.resultCode:
        case "Authorised" | "PartiallyAuthorised":
            return Approved(payment=_authorised(read, capture_method))
        case "Refused" | "Error":
            decline = decline_of(read.refusalReasonCode, read.refusalReason)
            return Declined(decline=decline, payment_id=read.pspReference)
        case "Cancelled":
            return Canceled(payment_id=read.pspReference)
        case code if code in _NEEDS_SHOPPER:
            # Only a /payments/details of ours could go on with it, and we send none: nobody can pay it. The
            # same card may be tried on Adyen's own page, which carries the challenge out itself.
            return Declined(
                decline=Decline(
                    category=DeclineCategory.AUTHENTICATION,
                    code=DeclineCode.AUTHENTICATION_REQUIRED,
                    message="Adyen wants the customer to authenticate: only its page can do that here",
                    gateway_code=code,
                ),
                payment_id=read.pspReference,
            )
        case code:
            if code not in RESULT_CODES:
                _log_once(code)
            return Pending(detail="undecided at the gateway", payment_id=read.pspReference)


def page_outcome(response: httpx.Response, request: ChargeRequest) -> Outcome:
    """Raises Unreadable."""
    if response.status_code not in (200, 201):
        return refused_request(response)
    link = read_link(response)
    if link.reference != request.reference:
        raise Unreadable("reference")
    action = NextAction(type=NextActionType.REDIRECT, url=link.url, expires_at=request.expires_at)
    return ActionRequired(next_action=action, payment_id=link.id)


def read_link(response: httpx.Response) -> Link:
    """Raises Unreadable."""
    link = _read(Link, response)
    if not _URL.fullmatch(link.url):
        raise Unreadable("url")
    return link


def link_payment(link: Link, expires_at: datetime | None) -> GatewayPayment:
    """An open page, or one that somebody has paid without our knowing the payment yet."""
    status = PaymentStatus.REQUIRES_ACTION if link.status == "active" else PaymentStatus.PENDING
    action = NextAction(type=NextActionType.REDIRECT, url=link.url, expires_at=expires_at)
    return GatewayPayment(
        payment_id=link.id,
        reference=link.reference,
        status=status,
        amount=link.amount.minor,
        currency=link.amount.currency,
        next_action=action if status is PaymentStatus.REQUIRES_ACTION else None,
    )


def received(response: httpx.Response) -> Modification:
    """A capture, cancel or refund that was accepted. Raises Unreadable."""
    return _read(Modification, response)


def problem(response: httpx.Response) -> Problem:
    """What a 4xx says. Raises Unreadable."""
    body = _object(response)
    return Problem(
        code=str(body.get("errorCode", "")),
        kind=str(body.get("errorType", "")),
        transient=response.headers.get("transient-error", "").lower() == "true",
    )


def refused_request(response: httpx.Response) -> Outcome:
    """What an error answer means for a request that would have moved money. Raises Unreadable.

    A `validation` error was refused before anything was done. Everything else may have had an effect.
    """
    told = problem(response)
    if told.code == IN_PROGRESS:
        if told.transient:
            return Pending(detail="the same request is being worked on")
        return Unknown(detail="the key was used before, and Adyen does not say for what")
    if told.kind != "validation" or told.transient:
        return Unknown(detail=f"status {response.status_code}")
    token = told.code in _TOKEN_ERRORS
    return Declined(
        decline=Decline(
            category=DeclineCategory.CONFIGURATION,
            code=DeclineCode.INVALID_TOKEN if token else DeclineCode.MERCHANT_CONFIGURATION,
            message=(
                "Adyen does not know the stored card, or not for this shopper"
                if token
                else "Adyen did not accept the request"
            ),
            gateway_code=told.code[:20] if re.fullmatch(r"[0-9_]{1,20}", told.code) else None,
        )
    )


def _authorised(read: _Payment, capture_method: CaptureMethod) -> GatewayPayment:
    if read.amount is None or read.merchantReference is None:
        raise Unreadable("amount")
    amount = read.amount.minor
    automatic = capture_method is CaptureMethod.AUTOMATIC
    return GatewayPayment(
        payment_id=read.pspReference,
        reference=read.merchantReference,
        status=PaymentStatus.CAPTURED if automatic else PaymentStatus.AUTHORIZED,
        amount=amount,
        currency=read.amount.currency,
        amount_captured=amount if automatic else 0,
    )


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        value = json.loads(response.content)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("answer")
    return value


def _read(model: type[M], response: httpx.Response) -> M:
    try:
        return model.model_validate(_object(response))
    except ValidationError as fault:
        where = ".".join(str(part) for part in fault.errors()[0]["loc"])
        raise Unreadable(where or "answer") from None


def _log_once(code: str) -> None:
    if code not in _logged and len(_logged) < 100 and re.fullmatch(r"[A-Za-z]{1,50}", code):
        _logged.add(code)
        log.warning("gateway.unmapped_code", gateway="adyen", code=code)
