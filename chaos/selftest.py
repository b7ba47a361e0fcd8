"""`make chaos-selftest`: the proof that the oracle sees, and the obvious design beside ours.

The product as it is must come out clean, every mutant must be caught, and the baseline shows what the same
mix does to a handler with retries and fallback. 0 only where all of that is so.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from chaos.campaign import Outcome, Plan, run
from chaos.evidence import Evidence
from chaos.mix import draw
from chaos.mutants import MUTANTS
from chaos.oracle import counts
from chaos.oracle.payments import by_checkout, payments
from chaos.oracle.violations import Harm, Violation
from devstack.programs import StartFailed

_SEED: Final = 20261
_WIDTH = 150
_COMPARED: Final = (Harm.DOUBLED, Harm.LOST, Harm.ORPHANED, Harm.PHANTOM, Harm.MISMATCH, Harm.STUCK)
"""What both can be asked: the baseline keeps no records that the other counts are about."""
_AT_ONCE: Final = 4
"""Mutants that run at the same time, each with a stack of its own: they wait more than they work."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.selftest", description=__doc__)
    parser.add_argument("--number", type=int, default=60, help="checkouts of ours and of the baseline")
    parser.add_argument("--only", nargs="*", default=None, help="names: control, baseline, or of mutants")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    directory = Path(os.environ.get("DATA_DIR") or ".data") / "chaos-selftest"
    chosen = given.only or ["control", "baseline", *MUTANTS]
    try:
        outcomes = asyncio.run(_all(chosen, given.number, directory, console))
    except (StartFailed, OSError) as error:
        console.print(f"error: {error}", style="bold red", soft_wrap=True)
        return 1
    table = Table("what runs", "checkouts", "found", "invariants", "verdict", title="self-test of the oracle")
    good = True
    for name, outcome in outcomes.items():
        right = _is_right(name, outcome)
        good = good and right
        _row(table, name, outcome, right)
        if not right:
            for violation in outcome.violations[:20]:
                console.print(f"  {name}: {violation}", highlight=False, soft_wrap=True)
    console.print(table)
    if outcomes.keys() >= {"control", "baseline"}:
        console.print(_beside(outcomes["control"], outcomes["baseline"]))
    console.print(
        "the oracle sees" if good else "THE SELF-TEST FAILED", style="bold green" if good else "bold red"
    )
    return 0 if good else 1


async def _all(chosen: Sequence[str], number: int, directory: Path, console: Console) -> dict[str, Outcome]:
    """Ours and the baseline, which are slowed by kills alone; then the mutants, some at the same time."""
    outcomes: dict[str, Outcome] = {}
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> None:
        async with slots:
            console.print(f"{name} ...", style="dim")
            outcomes[name] = await run(_plan(name, number, directory / name))

    await asyncio.gather(*(one(name) for name in chosen if name not in MUTANTS))
    await asyncio.gather(*(one(name) for name in chosen if name in MUTANTS))
    return {name: outcomes[name] for name in chosen}


def _is_right(name: str, outcome: Outcome) -> bool:
    """Ours is clean, and a mutant is caught for what it lacks. The baseline proves nothing about the oracle:
    its figures are there to be compared."""
    if name == "baseline":
        return True
    if name == "control":
        return not outcome.violations
    return any(violation.harm in MUTANTS[name].seen_as for violation in outcome.violations)


def _beside(ours: Outcome, baseline: Outcome) -> Table:
    """The same checkouts with the same faults, counted the same way."""
    table = Table("harm", "smartpay", "try, retry, fall back", title=f"seed {_SEED}, the same mix")
    here, there = counts(ours.violations), counts(baseline.violations)
    for harm in _COMPARED:
        table.add_row(str(harm), str(here[harm]), str(there[harm]))
    return table


def _plan(name: str, number: int, directory: Path) -> Plan:
    if name == "control":
        return Plan(draw(_SEED, number), _SEED, directory, kill_every=3.0)
    if name == "baseline":
        return Plan(
            draw(_SEED, number),
            _SEED,
            directory,
            workers=0,
            patience=30.0,
            kill_every=3.0,
            settle_within=10.0,
            intrusions=0,
            fill_disk=False,
            commands={"api": ("-m", "chaos.baseline")},
            judge=judge_baseline,
        )
    mutant = MUTANTS[name]
    return Plan(
        draw(_SEED, mutant.number, mix=mutant.mix),
        _SEED,
        directory,
        workers=1,
        patience=35.0,
        kill_every=None,
        settle_within=6.0,
        fill_disk=False,
        commands={mutant.process: ("-m", "chaos.mutants", name, mutant.process)},
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


def _row(table: Table, name: str, outcome: Outcome, right: bool) -> None:
    found = {harm: count for harm, count in counts(outcome.violations).items() if count}
    words = ", ".join(f"{count} {harm}" for harm, count in found.items()) or "nothing"
    numbers = sorted({violation.invariant for violation in outcome.violations}, key=lambda i: int(i[1:]))
    what = f"{name}: {_describe(name)}"
    verdict = "as it must be" if right else "WRONG"
    if name == "baseline":
        verdict = "for comparison"
    table.add_row(what, str(outcome.report["number"]), words, " ".join(numbers), verdict)


def _describe(name: str) -> str:
    described: dict[str, Callable[[], str]] = {
        "control": lambda: "the product as it is.",
        "baseline": lambda: "try, retry, fall back.",
    }
    return described[name]() if name in described else MUTANTS[name].what


if __name__ == "__main__":
    sys.exit(main())
