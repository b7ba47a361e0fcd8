"""What a campaign has shown: as a table for people, as JSON for the record."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.evidence import Evidence, Row
from chaos.killer import Kill
from chaos.oracle import CHECKED, counts
from chaos.oracle.money import returned
from chaos.oracle.records import FINAL
from chaos.oracle.violations import Violation
from chaos.times import moved_after, slowest, times_to_final
from devstack.programs import ROOT

SLOWEST_P95 = 15.0
SLOWEST_RECOVERY = 15.0
LEAST_FINAL = 0.99


def measure(
    evidence: Evidence,
    violations: Sequence[Violation],
    kills: Sequence[Kill],
    *,
    seed: int,
) -> dict[str, Any]:
    """All figures of the report, ready for JSON. Fills in how long each kill was felt."""
    records = evidence.transcript.records
    for kill, following in zip_longest(kills, kills[1:]):
        kill.moved_after = moved_after(evidence, kill)
        if following is not None:
            kill.next_after = (following.at - kill.at).total_seconds()
    times = sorted(times_to_final(evidence, unhurried=False))
    statuses = Counter(row["status"] for row in evidence.checkouts)
    accepted = len({record.checkout_id for record in records if record.checkout_id is not None})
    final = sum(statuses[status] for status in FINAL)
    forced, others = returned(evidence)
    return {
        "seed": seed,
        "commit": _commit(),
        "number": len(records),
        "accepted": accepted,
        "safety": {str(harm): count for harm, count in counts(list(violations)).items()},
        "violations": [
            {"invariant": v.invariant, "harm": v.harm, "subject": v.subject, "what": v.what}
            for v in violations
        ],
        "checked": list(CHECKED),
        "statuses": dict(statuses.most_common()),
        "not_final": accepted - final,
        "final_share": round(final / accepted, 4) if accepted else 0.0,
        "in_review": dict(
            Counter(row["review_reason"] for row in evidence.checkouts if row["status"] == "in_review")
        ),
        "classes": _classes(evidence),
        "faults": dict(Counter(row["fault"] for row in evidence.requests if row["fault"]).most_common()),
        "webhook_faults": dict(Counter(row["fault"] for row in evidence.webhooks if row["fault"])),
        "refunds": _refunds(evidence),
        "notifications": {
            "events": len(evidence.notifications),
            "deliveries": len(evidence.transcript.receipts),
            "refused_or_lost": sum(not receipt.acknowledged for receipt in evidence.transcript.receipts),
        },
        "intrusions": {
            "forged_webhooks": len(evidence.transcript.forgeries),
            "requests_for_another_merchants_data": len(evidence.transcript.trespasses),
            "ids_heard": sum(len(heard) for heard in evidence.transcript.heard.values()),
        },
        "gateways": {
            name: {
                "charges": sum(_is_charge_at(row, name) for row in evidence.requests),
                "ledger_rows": sum(row["gateway"] == name for row in evidence.ledger),
            }
            for name in sorted({row["gateway"] for row in evidence.requests})
        },
        "requests": len(evidence.requests),
        "ledger_rows": len(evidence.ledger),
        "late_money_given_back": {"forced": forced, "others": others},
        "seconds_to_final": {
            "p50": _quantile(times, 0.5),
            "p95": _quantile(times, 0.95),
            "max": times[-1] if times else None,
            "of": len(times),
        },
        "slowest": slowest(evidence),
        "seconds_to_final_unhurried": _quantile(sorted(times_to_final(evidence, unhurried=True)), 0.95),
        "kills": [
            {
                "what": kill.what,
                "at": kill.at.isoformat(),
                "ready_after": _rounded(kill.ready_after),
                "moved_after": _rounded(kill.moved_after),
                "next_after": _rounded(kill.next_after),
                "overtaken": _is_overtaken(kill),
            }
            for kill in kills
        ],
        "rate_bound": round(3 / accepted, 6) if accepted else None,
    }


def shortfalls(report: dict[str, Any]) -> list[str]:
    """Goals that are not about safety and were missed, in words."""
    missed = []
    # Of fewer than a hundred, one that stays in review says nothing about a share of a hundredth.
    if report["final_share"] < LEAST_FINAL and report["not_final"] > 1:
        missed.append(f"{report['final_share']:.1%} final, at least {LEAST_FINAL:.0%} wanted")
    p95 = report["seconds_to_final"]["p95"]
    if p95 is not None and p95 > SLOWEST_P95:
        missed.append(f"p95 to final {p95} s, at most {SLOWEST_P95:.0f} s wanted")
    for kill in report["kills"]:
        felt = (kill["ready_after"], kill["moved_after"])
        if kill["overtaken"]:
            continue  # the next kill came first: what would have been without it, nobody knows
        if None in felt or max(felt) > SLOWEST_RECOVERY:
            missed.append(f"{kill['what']}: ready after {felt[0]} s, checkouts moved after {felt[1]} s")
    return missed


def show(console: Console, report: dict[str, Any]) -> None:
    table = Table("safety", "count", title=f"{report['number']} checkouts, seed {report['seed']}")
    for name, count in report["safety"].items():
        table.add_row(name, f"[{'bold red' if count else 'green'}]{count}[/]")
    console.print(table)
    for violation in report["violations"][:40]:
        console.print(
            f"  [red]{violation['invariant']}[/] {violation['harm']}: {violation['subject']}: "
            f"{violation['what']}",
            soft_wrap=True,
            highlight=False,
        )
    table = Table("class", "checkouts", "became")
    for name, became in report["classes"].items():
        table.add_row(name, str(sum(became.values())), ", ".join(f"{n} {s}" for s, n in became.items()))
    console.print(table)
    if report["kills"]:
        table = Table(
            "kill", "ready after", "checkouts moved after", "next kill after", title="recovery, seconds"
        )
        for kill in report["kills"]:
            table.add_row(
                kill["what"],
                str(kill["ready_after"]),
                str(kill["moved_after"]),
                "" if kill["next_after"] is None else str(kill["next_after"]),
            )
        console.print(table)
    final = report["seconds_to_final"]
    back = report["late_money_given_back"]
    for line in (
        f"status: {_words(report['statuses'])}; final {report['final_share']:.1%}",
        f"in review: {_words(report['in_review']) or 'none'}",
        f"seconds to final: p50 {final['p50']}, p95 {final['p95']}, max {final['max']} "
        f"({final['of']} checkouts of classes without deliberate delays)",
        *(
            f"  slow: {each['class']} {each['seconds']} s, "
            f"{each['longest_pause']} s of them between {each['between']}"
            for each in report["slowest"][:5]
            if each["seconds"] > SLOWEST_P95
        ),
        f"late money given back: {back['forced']} forced by the plan, {back['others']} others",
        f"refunds: {_words(report['refunds'])}; notifications: {_words(report['notifications'])}",
        f"intrusions: {_words(report['intrusions'])}, {report['cards']['sent']} requests with card data",
        f"faults that struck: {_words(report['faults'])}",
        f"webhook faults: {_words(report['webhook_faults']) or 'none'}",
        "gateways: "
        + ", ".join(
            f"{name} {found['charges']} charges and {found['ledger_rows']} ledger rows"
            for name, found in report["gateways"].items()
        ),
        f"{report['requests']} requests at the gateways, {report['ledger_rows']} ledger rows",
        f"{report['seconds']['all']} s ({report['seconds']['starting']} to start, "
        f"{report['seconds']['checkouts']} for the checkouts); of processor time {report['cpu']['product']} "
        f"s in the product and its sandbox, {report['cpu']['campaign']} s in the campaign",
        f"disk full: {report['disk_full']}, commit {report['commit']}",
        f"0 in {report['accepted']} bounds a rate at {report['rate_bound']} (3/N, 95 % confidence)",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _is_charge_at(request: Row, gateway: str) -> bool:
    return bool(request["operation"] == "charge" and request["gateway"] == gateway)


def _words(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counted.items())


def _classes(evidence: Evidence) -> dict[str, dict[str, int]]:
    status = {row["id"]: row["status"] for row in evidence.checkouts}
    classes: dict[str, Counter[str]] = {}
    for record in evidence.transcript.records:
        became = status.get(record.checkout_id or "", "not accepted")
        classes.setdefault(record.scenario.kind, Counter())[became] += 1
    return {name: dict(became) for name, became in sorted(classes.items())}


def _refunds(evidence: Evidence) -> dict[str, int]:
    answers = [answer for record in evidence.transcript.records for answer in record.refunds]
    return {
        "checkouts": sum(bool(record.refunds) for record in evidence.transcript.records),
        "accepted": len({answer.refund_id for answer in answers if answer.refund_id is not None}),
        "replayed": sum(answer.status == 200 for answer in answers),
        "refused": sum(answer.status == 409 for answer in answers),
    }


def _is_overtaken(kill: Kill) -> bool:
    """The next kill came before this one's goal was missed, and hit what still stood still."""
    if kill.moved_after is None or kill.next_after is None:
        return False
    return kill.next_after < min(kill.moved_after, SLOWEST_RECOVERY)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _commit() -> str:
    """Of the checkout, marked where files differ from it; `unknown` outside of one."""
    commit = _git("rev-parse", "--short", "HEAD")
    if commit is None:
        return "unknown"
    return f"{commit}+changes" if _git("status", "--porcelain") else commit


def _git(*arguments: str) -> str | None:
    """What git prints; None where there is no git or no repository."""
    program = shutil.which("git")
    if program is None:
        return None
    ended = subprocess.run(  # noqa: S603 - git, with our own arguments
        (program, *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return ended.stdout.strip() if ended.returncode == 0 else None
