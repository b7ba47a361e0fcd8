"""Why Flutterwave refused, read from its words: v3 has no decline codes, only texts.

A failed transaction says why in `processor_response`, a refused request in `message`. The texts come from
the processors and banks behind Flutterwave, in many spellings ("FAILURE: INSUFFICIENT_FUNDS (Not sufficient
funds)"), so both are reduced to plain lower-case words and searched for known phrases. Sources:
    https://flutterwave.com/ng/support/general/common-transaction-errors   the texts and what they mean
    https://developer.flutterwave.com/docs/testing                         failing test cards and phones
    https://developer.flutterwave.com/docs/flutterwave-errors              refused requests
    Visa's rules for re-attempts: issuer answers 04, 07, 12, 15, 41, 43, 57 are never tried again (hard)

What comes out carries no text of the gateway's own but the one known phrase: a text may quote a masked
phone number or e-mail address.
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


class Verdict(StrEnum):
    """What a text says about the money."""

    REFUSED = "refused"
    """Nobody was charged."""
    UNDECIDED = "undecided"
    """A time-out or fault further down, or a hint at an earlier send: only a look-up can tell."""
    UNMAPPED = "unmapped"


class _Row(NamedTuple):
    category: DeclineCategory
    code: DeclineCode
    message: str
    phrases: tuple[str, ...]


_EARLIER_SEND: Final = (
    *("duplicate", "already", "used before", "has been used", "exists", "must be unique", "in progress"),
)
"""An earlier send of ours may exist: what a repeated `tx_ref` brings is not documented."""

_FAULT: Final = (
    *("timed out", "timeout", "time out", "after 5 tries", "no message", "nomessage", "no response"),
    *("no suitable", "reset", "cannot be reached", "invalid response", "could not extract", "econn"),
    *("error occurred", "error occured", "error has occurred", "error has occured", "error processing"),
    *("processing error", "system error", "transaction error", "unspecified failure", "failure unknown"),
    *("unexpected", "contact support", "please try again", "requery", "deferred", "pending", "internal"),
)
"""A fault between Flutterwave and the bank: "a timeout does not always mean request failure".
https://developer.flutterwave.com/docs/handling-error-timeouts
"""

_REFUSED: Final = (
    _Row(
        _FRAUD,
        _Code.SUSPECTED_FRAUD,
        "the issuer or Flutterwave suspects fraud",
        ("suspected fraud", "fraudulent", "security violation", "all risk checks", "failure blocked"),
    ),
    _Row(
        _HARD,
        _Code.DUPLICATE_TRANSACTION,
        "the processor took it for a repeat",
        ("duplicate transaction", "already processed"),
    ),
    _Row(
        _HARD,
        _Code.CARD_LOST_OR_STOLEN,
        "the card was reported lost or stolen",
        (
            *("lost card", "stolen card", "pick up card", "pickup card", "retain card"),
            *("capture card", "card acceptor contact acquirer retain"),
        ),
    ),
    _Row(_HARD, _Code.CARD_RESTRICTED, "the card is restricted", ("restricted card", "blocked")),
    _Row(
        _CUSTOMER,
        _Code.EXPIRED_CARD,
        "the card has expired",
        ("expired card", "card has expired", "card expired"),
    ),
    _Row(
        _CUSTOMER,
        _Code.INVALID_EXPIRY,
        "the expiry date is wrong",
        ("invalid expiry", "expirydate format", "card expiry is not in correct"),
    ),
    _Row(
        _SOFT,
        _Code.INSUFFICIENT_FUNDS,
        "not enough money on the card or wallet",
        (
            *("insufficient funds", "sufficient funds", "insufficient balance", "low balance"),
            "not enough balance",
        ),
    ),
    _Row(
        _CUSTOMER,
        _Code.INVALID_CVC,
        "the security code is wrong",
        ("card verification code", "cvv", "csc", "cvc", "cardsecuritycode"),
    ),
    _Row(
        _HARD,
        _Code.VELOCITY_EXCEEDED,
        "the PIN was entered wrongly too often",
        ("pin tries exceeded", "pin tries limit"),
    ),
    _Row(_CUSTOMER, _Code.INVALID_PIN, "the PIN is wrong", ("incorrect pin", "invalid pin", "wrong pin")),
    _Row(
        _SOFT,
        _Code.VELOCITY_EXCEEDED,
        "used too often within the bank's limit",
        ("withdrawal frequency", "exceeded retry limit", "exceeds frequency"),
    ),
    _Row(
        _SOFT,
        _Code.AMOUNT_LIMIT_EXCEEDED,
        "above a limit of the bank, wallet or account",
        (
            *("exceeds withdrawal", "exceeds maximum", "transaction limit", "greater than daily"),
            *("limit exceeded", "limit reached", "maximum amount"),
        ),
    ),
    _Row(
        _CONFIGURATION,
        _Code.INVALID_AMOUNT,
        "Flutterwave does not take this amount",
        ("minimum amount", "invalid amount", "amount incorrect", "amount should be", "amount must be"),
    ),
    _Row(
        _CONFIGURATION,
        _Code.CURRENCY_NOT_SUPPORTED,
        "the account does not take this currency",
        ("does not support currency", "invalid currency", "currency not supported", "currency is not"),
    ),
    _Row(
        _CONFIGURATION,
        _Code.MERCHANT_CONFIGURATION,
        "the Flutterwave account is not set up for this payment",
        (
            *("permitted to terminal", "invalid merchant", "restricted merchant", "relationship not found"),
            *("merchant has not been configured", "merchant is not enabled", "fee configuration not found"),
            *("not enabled for", "not been approved", "international transactions", "merchant secret key"),
        ),
    ),
    _Row(
        _SOFT,
        _Code.CARD_NOT_SUPPORTED,
        "this kind of card is not taken here",
        (
            *("international cards not permitted", "noauth international", "invalid card type"),
            *("card type has not been configured", "bank not supported", "function not supported"),
        ),
    ),
    _Row(
        _HARD,
        _Code.TRANSACTION_NOT_PERMITTED,
        "the issuer does not allow this transaction on the card",
        ("not permitted to cardholder", "invalid transaction", "violation of the law", "violation of law"),
    ),
    _Row(
        _CUSTOMER,
        _Code.INVALID_NUMBER,
        "the card number is not known",
        (
            *("invalid card number", "card number is invalid", "pan is invalid", "no card record"),
            *("no issuer", "no such issuer", "no such financial institution", "no bin was found"),
            "unable to locate record",
        ),
    ),
    _Row(
        _HARD,
        _Code.INVALID_ACCOUNT,
        "the card or wallet has no usable account",
        (
            *("no credit account", "no savings account", "no cheque account", "no check account"),
            *("no universal account", "no investment account", "retrieve account number", "payer not found"),
        ),
    ),
    _Row(
        _CONFIGURATION,
        _Code.INVALID_TOKEN,
        "Flutterwave does not know the card token for this e-mail address",
        (
            *("wrong token or email", "invalid token", "token is required", "token not found"),
            *("card was not properly tokenised", "token expired", "expired token"),
        ),
    ),
    _Row(
        _CUSTOMER,
        _Code.INVALID_PHONE,
        "the phone number is not valid for this network",
        ("phone number", "phonenumber", "msisdn", "mobile number"),
    ),
    _Row(
        _AUTHENTICATION,
        _Code.AUTHENTICATION_FAILED,
        "the issuer did not authenticate the customer",
        (
            *("authentication", "not enrolled", "3d secure", "3ds", "cardholder verification failed"),
            *("not authenticate", "could not verify this payment", "incorrect token supplied", "wrong otp"),
            *("otp validation", "generate otp", "otp related", "not registered on token platform"),
        ),
    ),
    _Row(
        _CUSTOMER,
        _Code.CUSTOMER_ABANDONED,
        "the customer canceled or did not finish in time",
        (
            *("customer cancellation", "cancelled", "canceled", "aborted", "browser session timed out"),
            *("rejected by user", "declined by user", "approval rejected", "exceeded the time required"),
            "session expired",
        ),
    ),
    _Row(
        _CUSTOMER, _Code.GENERIC_DECLINE, "the billing address does not match", ("declined avs", "avs fail")
    ),
    _Row(
        _SOFT,
        _Code.ISSUER_UNAVAILABLE,
        "the issuer or its network is not available",
        (
            *("issuer unavailable", "switch inoperative", "cutoff in progress", "suspected malfunction"),
            *("no action taken", "having issues", "acquirer system error", "re enter"),
        ),
    ),
    _Row(_SOFT, _Code.PROCESSING_ERROR, "a fault between Flutterwave and the bank", _FAULT),
    _Row(
        _SOFT,
        _Code.DO_NOT_HONOR,
        "the issuer declined without saying why",
        (
            "not honor",
            "not honour",
            "refer to card issuer",
            "referred",
            "contact acquirer",
            "request in progress",
        ),
    ),
    _Row(
        _SOFT,
        _Code.GENERIC_DECLINE,
        "declined without saying why",
        (
            *("mocked a failed transaction", "declined", "transaction failed", "format error"),
            "unacceptable transaction fee",
        ),
    ),
)

_REQUEST_REFUSED: Final = re.compile(
    r"\b(is|are|was) required\b|\bmust\b|\bshould be\b|\binvalid\b|\bvalid (redirect|email|amount)"
    r"|\bfails because\b|\bmissing\b|\bnot allowed\b|\bnot supported\b|\bcan only\b|\bnot enabled\b"
    r"|\bnot permitted\b"
)
"""Validation: the request was not accepted, so nothing was charged ("Cardno is required")."""

_UNKNOWN: Final = "declined for a reason that is not in our table"
_logged: set[str] = set()
_LOGGED_AT_MOST: Final = 500


def decline_of(processor_response: object) -> tuple[Decline, Verdict]:
    """The decline of a transaction whose status is failed, and how far its text can be trusted.

    UNDECIDED: the text speaks of a time-out, a fault or a repeat, so that a fresh failure may yet turn out
    otherwise. UNMAPPED: soft and generic.
    """
    words = _plain(processor_response)
    found = _row(words)
    if found is None:
        if words:
            _log_once(words)
        return _decline(_SOFT, _Code.GENERIC_DECLINE, _UNKNOWN, None), Verdict.UNMAPPED
    row, phrase = found
    verdict = Verdict.UNDECIDED if _undecided(words) else Verdict.REFUSED
    return _decline(row.category, row.code, row.message, phrase), verdict


def refusal_of(message: object) -> tuple[Decline | None, Verdict]:
    """What an error envelope's `message` means for a request that would have moved money.

    REFUSED comes with its decline. A hint at an earlier send or at a fault is UNDECIDED even where it also
    names a reason; a text that nobody has seen is UNMAPPED, which a caller must not take for a refusal.
    """
    words = _plain(message)
    if _undecided(words):
        return None, Verdict.UNDECIDED
    found = _row(words)
    if found is not None:
        row, phrase = found
        return _decline(row.category, row.code, row.message, phrase), Verdict.REFUSED
    if _REQUEST_REFUSED.search(words):
        text = "Flutterwave did not accept the request"
        return _decline(_CONFIGURATION, _Code.MERCHANT_CONFIGURATION, text, None), Verdict.REFUSED
    _log_once(words)
    return None, Verdict.UNMAPPED


def _decline(category: DeclineCategory, code: DeclineCode, message: str, phrase: str | None) -> Decline:
    return Decline(category=category, code=code, message=message, gateway_code=phrase)


def _plain(text: object) -> str:
    if not isinstance(text, str):
        return ""
    return " ".join(re.findall(r"[a-z0-9]+", text[:500].lower()))


def _row(words: str) -> tuple[_Row, str] | None:
    for row in _REFUSED:
        for phrase in row.phrases:
            if phrase in words:
                return row, phrase
    return None


def _undecided(words: str) -> bool:
    return any(phrase in words for phrase in (*_EARLIER_SEND, *_FAULT))


def _log_once(words: str) -> None:
    """Tell the operator of a text that the table lacks, once per process; numbers are left out."""
    code = re.sub(r"\w*[0-9]\w*", "#", words)[:100]
    if code in _logged or len(_logged) >= _LOGGED_AT_MOST:
        return
    _logged.add(code)
    log.warning("gateway.unmapped_code", gateway="flutterwave", code=code)
