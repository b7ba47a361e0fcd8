"""The product and the obvious design beside each other: the same mix, the same kills, the same questions."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.table import Table

from chaos.aimed import Trial
from chaos.campaign import Plan, run
from chaos.evidence import Evidence
from chaos.mix import draw
from chaos.oracle import counts
from chaos.oracle.payments import by_checkout, payments
from chaos.oracle.violations import Harm, Violation

SEED: Final = 20261
OURS: Final = "control"
THEIRS: Final = "baseline"

_COMPARED: Final = (Harm.DOUBLED, Harm.LOST, Harm.ORPHANED, Harm.PHANTOM, Harm.MISMATCH, Harm.STUCK)
"""What both can be asked: the baseline keeps no records that the other counts are about."""
_KILL_EVERY: Final = 3.0


async def compare(names: Iterable[str], number: int, directory: Path) -> dict[str, Trial]:
    """Both at the same time, or one of them. Raises what `run` raises."""

    async def one(name: str) -> Trial:
        outcome = await run(_plan(name, number, directory / name))
        return Trial(number, outcome.violations, outcome.report["seconds"]["all"])

    chosen = list(names)
    return dict(zip(chosen, await asyncio.gather(*(one(name) for name in chosen)), strict=True))


def _plan(name: str, number: int, directory: Path) -> Plan:
    if name == OURS:
        return Plan(draw(SEED, number), SEED, directory, kill_every=_KILL_EVERY)
    return Plan(
        draw(SEED, number),
        SEED,
        directory,
        workers=0,
        patience=30.0,
        kill_every=_KILL_EVERY,
        settle_within=10.0,
        intrusions=0,
        fill_disk=False,
        commands={"api": ("-m", "chaos.baseline")},
        judge=judge_baseline,
    )


def judge_baseline(evidence: Evidence) -> list[Violation]:
    """The same questions about money and outcome, of a program that keeps no records to be checked."""
    found = []
    made = by_checkout(payments(evidence.ledger))
    for record in evidence.transcript.records:
        identity = record.checkout_id
        if identity is None:
            continue
        live = [payment for payment in made.get(identity, []) if payment.live > 0 or payment.held]
        status = record.view["status"]
        if len(live) > 1:
            found.append(Violation("I1", Harm.DOUBLED, identity, f"{len(live)} live payments"))
        if live and status in ("failed", "canceled", "expired"):
            found.append(Violation("I13", Harm.ORPHANED, identity, f"{status}, and the money was taken"))
        if live and status == "processing":
            found.append(Violation("I16", Harm.LOST, identity, "the money was taken, and nobody goes on"))
        if status == "succeeded" and not live:
            found.append(Violation("I4", Harm.PHANTOM, identity, "paid, but no gateway has the money"))
        if status == "processing" and not live:
            found.append(Violation("I15", Harm.STUCK, identity, "nobody goes on"))
        asked = (record.scenario.request["amount"], record.scenario.request["currency"])
        taken = {(payment.captured, payment.currency) for payment in live if payment.captured}
        if status == "succeeded" and taken - {asked} and record.scenario.command.value == "none":
            found.append(Violation("I6", Harm.MISMATCH, identity, f"{taken} instead of {asked}"))
    return found


def table_of(ours: Trial, theirs: Trial) -> Table:
    """The same checkouts with the same faults, counted the same way."""
    table = Table("harm", "smartpay", "try, retry, fall back", title=f"seed {SEED}, the same mix")
    here, there = counts(ours.violations), counts(theirs.violations)
    for harm in _COMPARED:
        table.add_row(str(harm), str(here[harm]), str(there[harm]))
    return table
