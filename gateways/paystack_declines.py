"""Why Paystack refused, read from its words: it has no decline codes, only texts.

A failed transaction says why in `gateway_response`, a refused request in `message`. `DOCUMENTED` holds every
text of Paystack's pages about failed payments, with the page of each; below them come the card schemes' own
words (ISO 8583 response codes), which Paystack passes on. Both are compared as plain lower-case words, and a
text that merely contains one counts as well ("Declined. Insufficient Funds").

What may follow is the category's business (`domain/decline.py`): soft and configuration go to the next
account, customer and authentication ask the customer, hard and fraud stop. What comes out carries no text of
Paystack's but the one known phrase.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

import structlog

from domain.decline import Decline, DeclineCategory, DeclineCode

log = structlog.get_logger(__name__)

_HARD, _SOFT, _FRAUD = DeclineCategory.HARD, DeclineCategory.SOFT, DeclineCategory.FRAUD
_CUSTOMER, _CONFIGURATION = DeclineCategory.CUSTOMER, DeclineCategory.CONFIGURATION
_AUTHENTICATION = DeclineCategory.AUTHENTICATION
_Code = DeclineCode

_BANK: Final = "https://support.paystack.com/en/articles/2123650"
_PAYER: Final = "https://support.paystack.com/hc/en-us/articles/360013597919"
_SYSTEM: Final = "https://support.paystack.com/hc/en-us/articles/360018678779"
_BLOCKED: Final = "https://support.paystack.com/en/articles/2125058"
_CHARGE: Final = "https://docs-v2.paystack.com/api/errors/charge"
_TRANSACTION: Final = "https://docs-v2.paystack.com/api/errors/transaction"
_TESTING: Final = "https://paystack.com/docs/payments/test-payments/"
_SCHEMES: Final = "ISO 8583, field 39"


class Verdict(StrEnum):
    """What a text says about the money."""

    REFUSED = "refused"
    """Nobody was charged."""
    UNDECIDED = "undecided"
    """A fault further down, or a hint at an earlier send: only a look-up can tell."""
    UNMAPPED = "unmapped"


class Row(NamedTuple):
    text: str
    category: DeclineCategory
    code: DeclineCode
    source: str
    """The page that has this text."""
    verdict: Verdict = Verdict.REFUSED


_UNDECIDED = Verdict.UNDECIDED

DOCUMENTED: Final = (
    Row("Access Denied", _SOFT, _Code.DO_NOT_HONOR, _BANK),
    Row("Auth Data Error", _SOFT, _Code.PROCESSING_ERROR, _BANK),
    Row("Account Closed", _HARD, _Code.INVALID_ACCOUNT, _BANK),
    Row("An OTP related error has occurred", _AUTHENTICATION, _Code.AUTHENTICATION_FAILED, _BANK),
    Row("An error occurred while processing the request", _SOFT, _Code.ISSUER_UNAVAILABLE, _BANK, _UNDECIDED),
    Row(
        "An invalid response was received from remote host",
        _SOFT,
        _Code.ISSUER_UNAVAILABLE,
        _BANK,
        _UNDECIDED,
    ),
    Row("Duplicate Transaction ID", _HARD, _Code.DUPLICATE_TRANSACTION, _PAYER, _UNDECIDED),
    Row("Enter the OTP", _AUTHENTICATION, _Code.CUSTOMER_ABANDONED, _PAYER),
    Row("Expired card", _CUSTOMER, _Code.EXPIRED_CARD, _PAYER),
    Row("Incorrect Date of Birth", _CUSTOMER, _Code.AUTHENTICATION_FAILED, _PAYER),
    Row("Incorrect PIN", _CUSTOMER, _Code.INVALID_PIN, _PAYER),
    Row("Insufficient funds", _SOFT, _Code.INSUFFICIENT_FUNDS, _PAYER),
    Row("Invalid card number", _CUSTOMER, _Code.INVALID_NUMBER, _PAYER),
    Row("An unknown error has occurred", _SOFT, _Code.PROCESSING_ERROR, _SYSTEM, _UNDECIDED),
    Row("Customer is blacklisted", _FRAUD, _Code.SUSPECTED_FRAUD, _SYSTEM),
    Row("Currency not supported", _CONFIGURATION, _Code.CURRENCY_NOT_SUPPORTED, _SYSTEM),
    Row("Denied by Fraud System", _FRAUD, _Code.SUSPECTED_FRAUD, _SYSTEM),
    Row("Blocked by fraud system", _FRAUD, _Code.SUSPECTED_FRAUD, _SYSTEM),
    Row("Unable to process transaction", _SOFT, _Code.PROCESSING_ERROR, _SYSTEM),
    Row("remote server cannot be reached", _SOFT, _Code.ISSUER_UNAVAILABLE, _SYSTEM, _UNDECIDED),
    Row("network connection was reset", _SOFT, _Code.ISSUER_UNAVAILABLE, _SYSTEM, _UNDECIDED),
    Row("Error, please try again", _SOFT, _Code.ISSUER_UNAVAILABLE, _SYSTEM, _UNDECIDED),
    Row("Authorization was abandoned", _AUTHENTICATION, _Code.CUSTOMER_ABANDONED, _BLOCKED),
    Row("Cardinal Authentication Required", _AUTHENTICATION, _Code.AUTHENTICATION_REQUIRED, _BLOCKED),
    Row("Identification required", _AUTHENTICATION, _Code.AUTHENTICATION_REQUIRED, _BLOCKED),
    Row("The cardholder was not authorised", _AUTHENTICATION, _Code.AUTHENTICATION_FAILED, _BLOCKED),
    Row("Transaction not permitted to cardholder", _HARD, _Code.TRANSACTION_NOT_PERMITTED, _BLOCKED),
    Row("Charge attempt cannot be fulfilled until", _SOFT, _Code.VELOCITY_EXCEEDED, _CHARGE),
    Row("Email does not match Authorization code", _CONFIGURATION, _Code.INVALID_TOKEN, _CHARGE),
    Row("should be passed", _CONFIGURATION, _Code.MERCHANT_CONFIGURATION, _CHARGE),
    Row("Duplicate Transaction Reference", _HARD, _Code.DUPLICATE_TRANSACTION, _CHARGE, _UNDECIDED),
    Row("Payment session", _CUSTOMER, _Code.CUSTOMER_ABANDONED, _TRANSACTION),
    Row("Declined", _SOFT, _Code.GENERIC_DECLINE, _TESTING),
    Row("Token Not Generated", _AUTHENTICATION, _Code.AUTHENTICATION_FAILED, _TESTING),
)
"""Most telling first where one text contains another."""

_SCHEME_WORDS: Final = tuple(
    Row(text, category, code, _SCHEMES, verdict)
    for text, category, code, verdict in (
        ("Suspected fraud", _FRAUD, _Code.SUSPECTED_FRAUD, Verdict.REFUSED),
        ("Security violation", _FRAUD, _Code.SUSPECTED_FRAUD, Verdict.REFUSED),
        ("Pick up card", _HARD, _Code.CARD_LOST_OR_STOLEN, Verdict.REFUSED),
        ("Lost card", _HARD, _Code.CARD_LOST_OR_STOLEN, Verdict.REFUSED),
        ("Stolen card", _HARD, _Code.CARD_LOST_OR_STOLEN, Verdict.REFUSED),
        ("Restricted card", _HARD, _Code.CARD_RESTRICTED, Verdict.REFUSED),
        ("Not sufficient funds", _SOFT, _Code.INSUFFICIENT_FUNDS, Verdict.REFUSED),
        ("Exceeds withdrawal", _SOFT, _Code.AMOUNT_LIMIT_EXCEEDED, Verdict.REFUSED),
        ("Limit exceeded", _SOFT, _Code.AMOUNT_LIMIT_EXCEEDED, Verdict.REFUSED),
        ("withdrawal frequency", _SOFT, _Code.VELOCITY_EXCEEDED, Verdict.REFUSED),
        ("PIN tries exceeded", _HARD, _Code.VELOCITY_EXCEEDED, Verdict.REFUSED),
        ("Not permitted to terminal", _CONFIGURATION, _Code.MERCHANT_CONFIGURATION, Verdict.REFUSED),
        ("Not permitted", _HARD, _Code.TRANSACTION_NOT_PERMITTED, Verdict.REFUSED),
        ("Invalid transaction", _HARD, _Code.TRANSACTION_NOT_PERMITTED, Verdict.REFUSED),
        ("Invalid amount", _CONFIGURATION, _Code.INVALID_AMOUNT, Verdict.REFUSED),
        ("Issuer or switch inoperative", _SOFT, _Code.ISSUER_UNAVAILABLE, Verdict.REFUSED),
        ("timed out", _SOFT, _Code.ISSUER_UNAVAILABLE, _UNDECIDED),
        ("timeout", _SOFT, _Code.ISSUER_UNAVAILABLE, _UNDECIDED),
        ("Do not honor", _SOFT, _Code.DO_NOT_HONOR, Verdict.REFUSED),
        ("Do not honour", _SOFT, _Code.DO_NOT_HONOR, Verdict.REFUSED),
        ("Refer to card issuer", _SOFT, _Code.DO_NOT_HONOR, Verdict.REFUSED),
    )
)

_UNKNOWN: Final = "declined for a reason that is not in our table"
_logged: set[str] = set()
_LOGGED_AT_MOST: Final = 500


def decline_of(*texts: object) -> tuple[Decline, Verdict]:
    """The decline of a transaction whose status is failed, from its texts, the first known one deciding.

    UNDECIDED: a fresh failure may yet turn out otherwise. UNMAPPED: soft, logged once.
    """
    words = [_plain(text) for text in texts]
    for spoken in words:
        row = _row(spoken)
        if row is not None:
            return _decline(row), row.verdict
    for spoken in filter(None, words):
        _log_once(spoken)
        break
    return Decline(category=_SOFT, code=_Code.GENERIC_DECLINE, message=_UNKNOWN), Verdict.UNMAPPED


def refusal_of(message: object, kind: object, code: object) -> tuple[Decline | None, Verdict]:
    """What an error answer means for a request that would have moved money.

    A hint at an earlier send is UNDECIDED. A text that nobody has seen is a refusal only where Paystack
    calls it a `validation_error`, which means that it did not accept the request.
    https://paystack.com/docs/api/errors/
    """
    words = _plain(message)
    if "duplicate" in words or code == "duplicate_reference":
        return None, Verdict.UNDECIDED
    row = _row(words)
    if row is not None:
        return (None if row.verdict is Verdict.UNDECIDED else _decline(row)), row.verdict
    if "authorization" in words:
        return _named(_CONFIGURATION, _Code.INVALID_TOKEN, "Paystack does not know the card token")
    if kind == "validation_error":
        return _named(_CONFIGURATION, _Code.MERCHANT_CONFIGURATION, "Paystack did not accept the request")
    _log_once(words)
    return None, Verdict.UNMAPPED


def _named(category: DeclineCategory, code: DeclineCode, message: str) -> tuple[Decline, Verdict]:
    return Decline(category=category, code=code, message=message), Verdict.REFUSED


def _decline(row: Row) -> Decline:
    return Decline(
        category=row.category,
        code=row.code,
        message=f"Paystack or the issuer says: {row.text}",
        gateway_code=_plain(row.text),
    )


def _plain(text: object) -> str:
    if not isinstance(text, str):
        return ""
    return " ".join(re.findall(r"[a-z0-9]+", text[:500].lower()))


_BY_WORDS: Final = tuple(
    (_plain(row.text), row)
    for row in sorted((*DOCUMENTED, *_SCHEME_WORDS), key=lambda row: row.text == "Declined")
)
"""The bare "declined" last: it often stands beside the reason."""


def _row(words: str) -> Row | None:
    return next((row for phrase, row in _BY_WORDS if phrase in words), None) if words else None


def _log_once(words: str) -> None:
    """Tell the operator of a text that the table lacks, once per process; numbers are left out."""
    code = re.sub(r"\w*[0-9]\w*", "#", words)[:100]
    if code in _logged or len(_logged) >= _LOGGED_AT_MOST:
        return
    _logged.add(code)
    log.warning("gateway.unmapped_code", gateway="paystack", code=code)
