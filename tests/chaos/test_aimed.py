"""A trial on a stack that others have used before is judged by what belongs to it."""

import copy

from chaos.aimed import of_trial
from chaos.evidence import Evidence, Row
from chaos.oracle import judge
from tests.chaos.story import BODY, at, failover, row

EARLIER = "01jdk2m3xv8q4w7y9z0a1b2c3e"
_TABLES = (
    *("checkouts", "attempts", "checkout_events", "refunds", "notifications", "audit_log"),
    *("ledger", "requests"),
)


def _with_reference(evidence: Evidence) -> Evidence:
    """As the database and the sandbox tell them: with references and times."""
    for rows, moment in ((evidence.webhook_events, "received_at"), (evidence.webhooks, "at")):
        for each in rows:
            each.update({"reference": f"att_{BODY}_1", "payment_id": None, moment: at(8)})
    return evidence


def _before(evidence: Evidence) -> Evidence:
    """The evidence with an earlier trial's in front, whose money is doubled and whose webhooks come late."""
    other = copy.deepcopy(_with_reference(failover()))
    for table in _TABLES:
        earlier = [_renamed(each) for each in getattr(other, table)]
        if table == "checkouts":
            earlier = [{**each, "created_at": at(-60)} for each in earlier]
        if table == "ledger":  # nothing went back
            earlier = [each for each in earlier if each["kind"] != "refund"]
        setattr(evidence, table, [*earlier, *getattr(evidence, table)])
    late = row(account="stripe", dedupe_key="evt_0", payment_id=None, received_at=at(9))
    evidence.webhook_events.append(late | {"reference": f"att_{EARLIER}_2"})
    return evidence


def _renamed(each: Row) -> Row:
    return {
        name: value.replace(BODY, EARLIER) if isinstance(value, str) else value
        for name, value in each.items()
    }


def test_what_an_earlier_trial_left_is_not_blamed_on_this_one() -> None:
    evidence = _before(_with_reference(failover()))
    assert judge(evidence) != []
    assert judge(of_trial(evidence, at(-1))) == []


def test_what_this_trial_did_is_seen() -> None:
    evidence = _before(_with_reference(failover()))
    evidence.ledger = [each for each in evidence.ledger if each["kind"] != "refund"]
    assert {violation.invariant for violation in judge(of_trial(evidence, at(-1)))} >= {"I1", "I5"}
