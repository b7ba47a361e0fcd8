"""The oracle: joins what the gateways, the database and the API say, and names every broken promise.

It is a pure function of the evidence and shares no code with the product (a contract of the linter holds it
to that).
"""

from chaos.evidence import Evidence
from chaos.oracle.audit import judge_audit
from chaos.oracle.money import judge_money
from chaos.oracle.notices import judge_notices
from chaos.oracle.order import judge_order
from chaos.oracle.records import judge_records
from chaos.oracle.refunds import judge_refunds
from chaos.oracle.tenants import judge_cards, judge_tenants
from chaos.oracle.violations import Harm, Violation
from chaos.oracle.webhooks import judge_webhooks

CHECKED = tuple(f"I{number}" for number in range(1, 25))
"""The invariants of the reference that a campaign checks."""


def judge(evidence: Evidence) -> list[Violation]:
    """Every violation, once."""
    parts = (
        judge_money,
        judge_order,
        judge_records,
        judge_refunds,
        judge_webhooks,
        judge_tenants,
        judge_cards,
        judge_notices,
        judge_audit,
    )
    return list(dict.fromkeys(violation for part in parts for violation in part(evidence)))


def counts(violations: list[Violation]) -> dict[Harm, int]:
    """Subjects per harm: a checkout doubled in three ways is one doubled checkout."""
    return {
        harm: len({violation.subject for violation in violations if violation.harm is harm}) for harm in Harm
    }
