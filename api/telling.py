"""What happened to a checkout, in plain words: one sentence per kind of event, all of them here.

`{account}`, `{amount}`, `{detail}` and so on come from the event; an event whose figures are not there, or of
a kind that nobody has put into words, is told by its name.
"""

from collections.abc import Mapping
from typing import Any, Final

from domain.money import to_major
from domain.route import Exclusion
from domain.screening import Verdict
from storage.tables import Attempt, CheckoutEvent

_SENTENCES: Final[Mapping[str, str]] = {
    "checkout.created": "Accepted: {amount}.",
    "checkout.planned": "Planned{country}: {accounts}.",
    "checkout.screened": "Screened with a score of {score}: {verdict}{signals}{enforced}.",
    "checkout.processing": "Being worked on again.",
    "checkout.requires_action": "Waiting for the customer.",
    "checkout.requires_capture": "Authorized. Waiting for the capture.",
    "checkout.in_review": "In review: a person has to decide.",
    "checkout.succeeded": "Paid.",
    "checkout.failed": "Failed.",
    "checkout.canceled": "Canceled.",
    "checkout.expired": "Expired.",
    "checkout.cancel_requested": "Asked to cancel{reason}.",
    "checkout.run_restarted": "Its run was lost, and started again.",
    "account.chosen": "An operator chose {account} for the next attempt{closing}.",
    "account.choice_refused": "The choice of {account} was not taken ({why}).",
    "account.skipped": "{account} was skipped: {exclusion}.",
    "charges.frozen": "Charges are frozen by an operator: {account} is asked when they are let go on.",
    "attempt.sent": "Sent to {account}.",
    "attempt.sent_again": "Sent to {account} again, under the same key.",
    "attempt.not_sent": "{account} was not reached{detail}. Nothing left: the next account may be asked.",
    "attempt.requires_action": "{account} wants the customer to act ({action}).",
    "attempt.page_closed": "{account} closed its page. What was under way may still arrive: waiting it out.",
    "attempt.pending": "{account} has not decided yet{detail}.",
    "attempt.unknown": "No clear answer from {account}{detail}. Looking it up before anything else is done.",
    "attempt.nothing_found": "Looked up at {account}: nothing found yet.",
    "attempt.not_found": "Looked up at {account}: not charged. Moving on is safe.",
    "attempt.mismatch": "{account} answered with something that does not fit{detail}.",
    "attempt.declined": "{account} declined: {code} ({category}).",
    "attempt.canceled": "{account} canceled the payment: nothing was taken.",
    "attempt.authorized": "{account} authorized the money.",
    "attempt.captured": "{account} took the money.",
    "attempt.voided": "{account} released the money.",
    "attempt.refunded": "All of it went back through {account}.",
    "attempt.late_success": "{account} took money after it had been left: it goes back.",
    "attempt.adopted": "{account} took money late, and the checkout counts it.",
    "capture.failed": "The bank did not pay {account} a capture that had succeeded: ask the gateway.",
    "capture.frozen": "The capture waits: charges are frozen by an operator.",
    "capture.sent": "A capture of {amount} was sent to {account}.",
    "capture.refused": "{account} refused the capture{detail}.",
    "refund.requested": "A refund of {amount} was asked for.",
    "refund.sent": "A refund of {amount} was sent to {account}.",
    "refund.sent_again": "The refund of {amount} was sent to {account} again, under the same key.",
    "refund.pending": "{account} has the refund of {amount} and has not decided it.",
    "refund.succeeded": "{account} refunded {amount}.",
    "refund.failed": "{account} did not refund {amount}{detail}.",
    "refund.reopened": "{account} did not bring {amount} home{detail}: it is tried anew.",
    "dispute.opened": "The customer disputes {amount} at the bank{reason}.",
    "dispute.inquiry": "The bank asks about {amount}. No money has moved.",
    "dispute.needs_response": "The bank withholds {amount} until the dispute is answered at {account}.",
    "dispute.under_review": "The bank decides the dispute about {amount}.",
    "dispute.won": "The dispute was won: {amount} stays.",
    "dispute.lost": "The dispute was lost: {amount} went back through the bank.",
    "dispute.closed": "The bank's question about {amount} is closed. No money has moved.",
    "review.decided": "A person decided: {decision}.",
    "review.decision_refused": "The decision was not taken ({why}).",
    "notification.undeliverable": "The merchant could not be told ({type}).",
    "notification.resent": "An operator had the merchant told again ({type}).",
}

_EXCLUSIONS: Final[Mapping[str, str]] = {
    Exclusion.DISABLED: "it is disabled",
    Exclusion.FROZEN: "an operator has frozen it",
    Exclusion.CURRENCY_UNSUPPORTED: "it does not charge in this currency",
    Exclusion.METHOD_UNSUPPORTED: "it does not take this method",
    Exclusion.CAPTURE_UNSUPPORTED: "it does not capture like this",
    Exclusion.CHALLENGE_UNSUPPORTED: "it cannot be asked for strong authentication",
    Exclusion.CUSTOMER_DATA_MISSING: "it must know more of the payer",
    Exclusion.NO_CREDENTIALS: "it has no credentials",
    Exclusion.NO_TOKEN: "there is no card token for it",
    Exclusion.CIRCUIT_OPEN: "it has been failing",
    Exclusion.AMOUNT_OUT_OF_RANGE: "it does not take this amount",
    Exclusion.BLOCKED_BY_RULE: "a rule blocks it",
    "failover_frozen": "failover is frozen by an operator",
    "declines_per_card": "this card was declined too often",
}

_VERDICTS: Final[Mapping[str, str]] = {
    Verdict.ALLOW: "let through",
    Verdict.CHALLENGE: "the payer has to authenticate",
    Verdict.REVIEW: "held back for a person",
    Verdict.BLOCK: "stopped",
}

_DECISIONS: Final[Mapping[str, str]] = {
    "not_paid": "the gateway took nothing",
    "look_again": "ask the gateway again",
    "approve": "it goes on",
    "decline": "it is declined",
}


def told(event: CheckoutEvent, currency: str, attempts: Mapping[str, Attempt]) -> str:
    """One sentence. `attempts` by id. Plain text: whoever shows it must not take it for markup."""
    sentence = _SENTENCES.get(event.kind)
    if sentence is None:
        return _by_name(event.kind)
    try:
        return sentence.format_map(_words(event, currency, attempts))
    except KeyError:
        return _by_name(event.kind)


def _by_name(kind: str) -> str:
    text = kind.replace(".", " ").replace("_", " ").capitalize()
    return f"{text}."


def _words(event: CheckoutEvent, currency: str, attempts: Mapping[str, Attempt]) -> dict[str, str]:
    data: dict[str, Any] = dict(event.data)
    words = {name: str(value) for name, value in data.items() if value is not None}
    attempt = attempts.get(event.attempt_id or "")
    if attempt is not None:
        words.setdefault("account", attempt.account)
    words["amount"] = _sum(data.get("amount"), currency)
    words["detail"] = f" ({data['detail']})" if data.get("detail") else ""
    words["reason"] = f": {data['reason']}" if data.get("reason") else ""
    country = data.get("country") or {}
    words["country"] = f" for {country['code']} (by {country['source']})" if country.get("code") else ""
    words["accounts"] = " then ".join(data.get("accounts") or ()) or "no account can take it"
    words["closing"] = " and had the open page closed" if data.get("close_page") else ""
    if event.kind == "account.skipped":
        words["exclusion"] = _EXCLUSIONS.get(str(data.get("reason")), str(data.get("reason")))
    if "verdict" in data:
        signals = ", ".join(str(each).replace("_", " ") for each in data.get("reasons") or ())
        words["verdict"] = _VERDICTS.get(str(data["verdict"]), str(data["verdict"]))
        words["signals"] = f" ({signals})" if signals else ""
        words["enforced"] = "" if data.get("enforced", True) else "; only watched, nothing follows"
    if "decision" in data:
        words["decision"] = _DECISIONS.get(str(data["decision"]), str(data["decision"]))
    return words


def _sum(amount: object, currency: str) -> str:
    return f"{to_major(amount, currency)} {currency}" if isinstance(amount, int) else "all of it"


def worded() -> frozenset[str]:
    """The kinds that have words."""
    return frozenset(_SENTENCES)
