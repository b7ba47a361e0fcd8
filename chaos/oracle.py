"""The oracle: joins what the gateways, the database and the API say, and names every broken promise.

It is a pure function of the evidence and shares no code with the product.
"""

from chaos.evidence import Evidence
from chaos.oracle_money import judge_money
from chaos.oracle_order import judge_order
from chaos.oracle_records import judge_records
from chaos.violations import Harm, Violation

CHECKED = (
    *("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13"),
    *("I14", "I15", "I16", "I17", "I19", "I20", "I22"),
)
"""The invariants of the reference that a campaign checks."""


def judge(evidence: Evidence) -> list[Violation]:
    """Every violation, once."""
    found = [*judge_money(evidence), *judge_order(evidence), *judge_records(evidence)]
    return list(dict.fromkeys(found))


def counts(violations: list[Violation]) -> dict[Harm, int]:
    """Subjects per harm: a checkout doubled in three ways is one doubled checkout."""
    return {
        harm: len({violation.subject for violation in violations if violation.harm is harm}) for harm in Harm
    }
