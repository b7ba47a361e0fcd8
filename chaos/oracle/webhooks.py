"""The oracle's view of the inbox: I18 to I20."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from chaos.evidence import Evidence
from chaos.oracle.violations import Harm, Violation


def judge_webhooks(evidence: Evidence) -> Iterator[Violation]:
    """Forged ones leave no trace (I19); acknowledged ones are kept (I20), once (H3)."""
    kept = {row["dedupe_key"] for row in evidence.webhook_events}
    for forgery in evidence.transcript.forgeries:
        if forgery.status in range(200, 300) or forgery.dedupe_key in kept:
            what = f"a forged webhook was answered with {forgery.status}"
            yield Violation("I19", Harm.WEBHOOK, forgery.account, what)
    rows = Counter(row["account"] for row in evidence.webhook_events)
    sent: dict[str, set[str]] = defaultdict(set)
    acknowledged: dict[str, set[str]] = defaultdict(set)
    for webhook in evidence.webhooks:
        identity = webhook["event_id"] or json.dumps(webhook["body"], sort_keys=True)
        sent[webhook["account"]].add(identity)
        if webhook["status"] == "delivered":
            acknowledged[webhook["account"]].add(identity)
        if webhook["status"] == "delivered" and webhook["event_id"] and webhook["event_id"] not in kept:
            yield Violation("I20", Harm.WEBHOOK, webhook["event_id"], "acknowledged, and not in the inbox")
    for account in rows.keys() | acknowledged.keys():
        if rows[account] > len(sent[account]):
            what = f"{rows[account]} inbox rows for {len(sent[account])} events"
            yield Violation("I18", Harm.WEBHOOK, account, what)
        if rows[account] < len(acknowledged[account]):
            what = f"{rows[account]} inbox rows for {len(acknowledged[account])} acknowledged events"
            yield Violation("I20", Harm.WEBHOOK, account, what)
