"""Everything that the product tells of a checkout is put into plain words."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.telling import told, worded
from domain.checkout import CheckoutStatus
from domain.dispute import DisputeStatus
from storage.tables import Attempt, CheckoutEvent

UGANDA = {"code": "UG", "source": "ip"}
NAME = re.compile(r"[a-z]+\.[a-z_]+")
ROOT = Path(__file__).resolve().parents[3]
ATTEMPT = Attempt(
    id="att_1", checkout_id="co_1", number=1, gateway="stripe", account="stripe-eu", method="card", status="x"
)


def kinds() -> Iterator[str]:
    """The names that stand in calls of `tell`, as far as they are written out."""
    for directory in ("activities", "api", "storage"):
        for file in sorted((ROOT / directory).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tell", "_tell"):
                    written = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                    yield from (text for text in written if isinstance(text, str) and NAME.fullmatch(text))


def event(kind: str, **data: object) -> CheckoutEvent:
    return CheckoutEvent(
        id=1, checkout_id="co_1", attempt_id="att_1", kind=kind, data=data, at=datetime.now(UTC)
    )


def test_nothing_that_is_told_lacks_words() -> None:
    found = {*kinds(), *(f"checkout.{status}" for status in CheckoutStatus)}
    found |= {f"dispute.{status}" for status in DisputeStatus}
    assert len(found) > 30
    assert sorted(found - worded()) == []


@pytest.mark.parametrize(
    ("told_event", "words"),
    [
        (event("checkout.created", amount=12500, currency="NGN"), "Accepted: 125.00 NGN."),
        (
            event("checkout.planned", accounts=["a", "b"], country={"code": "UG", "source": "ip"}),
            "Planned for UG (by ip): a then b.",
        ),
        (event("checkout.planned", accounts=[], country=None), "Planned: no account can take it."),
        (event("attempt.sent", account="stripe"), "Sent to stripe."),
        (
            event("attempt.unknown", detail="reset"),
            "No clear answer from stripe-eu (reset). Looking it up before anything else is done.",
        ),
        (
            event("account.skipped", account="momo", reason="circuit_open"),
            "momo was skipped: it has been failing.",
        ),
        (
            event("refund.requested", amount=100, refund_id="re_1"),
            "A refund of 1.00 NGN was asked for.",
        ),
        (event("checkout.cancel_requested", reason=None), "Asked to cancel."),
        (
            event("checkout.screened", verdict="review", score=60, reasons=["card_velocity"], enforced=True),
            "Screened with a score of 60: held back for a person (card velocity).",
        ),
        (
            event("checkout.screened", verdict="block", score=90, reasons=[], enforced=False),
            "Screened with a score of 90: stopped; only watched, nothing follows.",
        ),
        (event("attempt.declined"), "Attempt declined."),
        (event("something.quite_new"), "Something quite new."),
        (event("attempt.unknown", detail="{amount} <b>"), None),
    ],
)
def test_it_reads_like_this(told_event: CheckoutEvent, words: str | None) -> None:
    text = told(told_event, "NGN", {"att_1": ATTEMPT})
    if words is None:
        assert "{amount} <b>" in text
    else:
        assert text == words
