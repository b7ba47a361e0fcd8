"""The oracle's view of who learns what: I21, and card data, I23."""

from collections.abc import Iterator
from typing import Final

from chaos.evidence import Evidence
from chaos.oracle.violations import Harm, Violation

_NO_ANSWER: Final = frozenset({0, 408, 429, 500, 502, 503, 504})
"""HTTP statuses that say nothing about the request itself."""
_REFUSED: Final = frozenset({400, 422})


def judge_tenants(evidence: Evidence) -> Iterator[Violation]:
    """No merchant is told of another one's ids, or reaches what is behind them (I21)."""
    owner: dict[str, str] = {row["id"]: row["merchant_id"] for row in evidence.checkouts}
    owner |= {row["id"]: owner[row["checkout_id"]] for row in (*evidence.attempts, *evidence.refunds)}
    owner |= {row["id"]: row["merchant_id"] for row in evidence.notifications}
    for merchant, heard in evidence.transcript.heard.items():
        for identity, request in heard.items():
            asked_for = identity in request  # a refusal may name what was asked for
            if owner.get(identity, merchant) != merchant and not asked_for:
                yield Violation("I21", Harm.TENANT, identity, f"told to {merchant} by {request}")
    for trespass in evidence.transcript.trespasses:
        if trespass.status not in (404, *_NO_ANSWER):
            what = f"{trespass.request} by {trespass.merchant} was answered with {trespass.status}"
            yield Violation("I21", Harm.TENANT, trespass.merchant, what)
    for receipt in evidence.transcript.receipts:
        identity = receipt.headers.get("webhook-id", "")
        if owner.get(identity) not in (receipt.merchant, None):
            yield Violation("I21", Harm.TENANT, identity, f"delivered to {receipt.merchant}")


def judge_cards(evidence: Evidence) -> Iterator[Violation]:
    """Card data is refused, never repeated, and nowhere to be found afterwards (I23)."""
    for sent in evidence.transcript.cards_sent:
        if sent.status not in _REFUSED | _NO_ANSWER:
            yield Violation("I23", Harm.CARD, sent.where, f"taken with {sent.status}")
    for request in evidence.transcript.cards_echoed:
        yield Violation("I23", Harm.CARD, request, "the answer repeats card data")
    for file in evidence.files_with_cards:
        yield Violation("I23", Harm.CARD, file, "holds card data")
