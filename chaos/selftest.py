"""`make chaos-selftest`: the proof that the oracle sees, and the obvious design beside ours.

The product as it is must come out clean, every mutant must be caught, and the baseline shows what the same
mix does to a handler with retries and fallback. 0 only where all of that is so.
"""

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from chaos.aimed import Trial, aim
from chaos.beside import OURS, SEED, THEIRS, compare, table_of
from chaos.campaign import SETTINGS, Plan, two_merchants
from chaos.mix import NAMED, draw
from chaos.mutants import MUTANTS
from chaos.oracle import counts
from chaos.oracle.violations import Violation
from devstack.ports import Ports
from devstack.programs import StartFailed
from devstack.stack import Stack

UNHARMED: Final = "unharmed"
"""The product as it is, against the same aimed checkouts as the mutants: what is found in them is theirs."""

_WIDTH: Final = 150
_LASTING: Final = frozenset({"I6", "I8", "I9", "I10", "I12", "I18", "I19", "I21", "I23"})
"""What can be broken at rest only has time to mend itself; these stay broken once they are."""
_SETTLE_WITHIN: Final = 8.0
"""Seconds that the others have."""
_QUICK: Final = (
    UNHARMED,
    "failover-on-timeout",
    "resend-keyless",
    "not-found-at-once",
    "signature-unchecked",
)

_DESCRIBED: Final = {
    OURS: "the product as it is, under the whole mix and kills",
    THEIRS: "try, retry, fall back",
    UNHARMED: "the product as it is, under the mutants' checkouts",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.selftest", description=__doc__)
    parser.add_argument("--number", type=int, default=60, help="checkouts of ours and of the baseline")
    parser.add_argument("--only", nargs="*", default=None, help=f"of {', '.join((*_DESCRIBED, *MUTANTS))}")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(_QUICK)}")
    parser.add_argument("--stacks", type=int, default=2, help="how many mutants run at the same time")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    directory = Path(os.environ.get("DATA_DIR") or ".data") / "chaos-selftest"
    chosen = given.only or (_QUICK if given.quick else (*_DESCRIBED, *MUTANTS))
    unknown = set(chosen) - {*_DESCRIBED, *MUTANTS}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    began = time.monotonic()
    try:
        trials = asyncio.run(_all(chosen, given.number, given.stacks, directory, console))
    except (StartFailed, OSError) as error:
        console.print(f"error: {error}", style="bold red", soft_wrap=True)
        return 1
    good = _show(console, chosen, trials)
    console.print(f"{time.monotonic() - began:.0f} s", style="dim")
    console.print(
        "the oracle sees" if good else "THE SELF-TEST FAILED", style="bold green" if good else "bold red"
    )
    return 0 if good else 1


async def _all(
    chosen: Sequence[str], number: int, stacks: int, directory: Path, console: Console
) -> dict[str, Trial]:
    """Ours and the baseline, which are slowed by kills alone; then the aimed trials, side by side."""
    beside = [name for name in chosen if name in (OURS, THEIRS)]
    trials = await compare(beside, number, directory)
    left = deque(_plan(name, chosen, directory) for name in (UNHARMED, *MUTANTS) if name in chosen)
    lanes = min(stacks, len(left))
    async with asyncio.TaskGroup() as group:
        for lane in range(lanes):
            group.create_task(_lane(directory / f"stack-{lane}", left, trials, console))
    return trials


async def _lane(
    directory: Path, left: deque[tuple[str, Plan]], trials: dict[str, Trial], console: Console
) -> None:
    """One stack, one trial after the other: a mutant takes the place of the worker or of the API."""
    shutil.rmtree(directory, ignore_errors=True)
    async with Stack(directory, ports=Ports.free(), settings_overrides=SETTINGS) as stack:
        merchants = await two_merchants(stack)
        changed: str | None = None
        while left:
            name, plan = left.popleft()
            process = None if name == UNHARMED else MUTANTS[name].process
            if changed not in (None, process):
                await stack.exchange(str(changed))
            if process is not None:
                await stack.exchange(process, ("-m", "chaos.mutants", name, process))
            changed = process
            trial = await aim(stack, plan, merchants, enough=partial(_is_enough, name))
            console.print(f"{name}: {trial.seconds:.0f} s", style="dim", highlight=False)
            trials[name] = trial


def _plan(name: str, chosen: Sequence[str], directory: Path) -> tuple[str, Plan]:
    """Intruders come where the API is changed: they are what it then lets in.

    Each trial has a seed of its own, and with it its own keys and markers.
    """
    seed = SEED + 1 + (UNHARMED, *MUTANTS).index(name)
    if name == UNHARMED:
        classes = {kind for each in chosen if each in MUTANTS for kind in MUTANTS[each].classes} or set(NAMED)
        scenarios = draw(seed, max(6, len(classes)), mix=[(1.0, NAMED[kind]) for kind in sorted(classes)])
    else:
        scenarios = draw(seed, MUTANTS[name].number, mix=MUTANTS[name].mix)
    intruded = name == UNHARMED or MUTANTS[name].process == "api"
    return name, Plan(
        scenarios,
        seed,
        directory,
        per_second=4.0,
        patience=45.0 if name == UNHARMED else 30.0,
        settle_within=30.0 if name == UNHARMED else _SETTLE_WITHIN,
        intrusions=10 if intruded else 0,
    )


def _is_enough(name: str, found: Sequence[Violation]) -> bool:
    """Waiting longer would tell nothing new."""
    if name == UNHARMED:
        return not found
    return any(
        (violation.invariant, violation.harm) in MUTANTS[name].seen_as and violation.invariant in _LASTING
        for violation in found
    )


def _is_right(name: str, trial: Trial) -> bool:
    """Ours is clean, and a mutant is caught for what it lacks. The baseline proves nothing about the oracle:
    its figures are there to be compared."""
    if name == THEIRS:
        return True
    if name not in MUTANTS:
        return not trial.violations
    seen_as = MUTANTS[name].seen_as
    return any((violation.invariant, violation.harm) in seen_as for violation in trial.violations)


def _show(console: Console, chosen: Sequence[str], trials: dict[str, Trial]) -> bool:
    """Whether everything was as it must be."""
    table = Table("what runs", "checkouts", "found", "invariants", "verdict", title="self-test of the oracle")
    good = True
    for name in (each for each in (*_DESCRIBED, *MUTANTS) if each in chosen):
        right = _is_right(name, trials[name])
        good = good and right
        _row(table, name, trials[name], right)
        if not right:
            for violation in trials[name].violations[:20]:
                console.print(f"  {name}: {violation}", highlight=False, soft_wrap=True)
    console.print(table)
    if trials.keys() >= {OURS, THEIRS}:
        console.print(table_of(trials[OURS], trials[THEIRS]))
    return good


def _row(table: Table, name: str, trial: Trial, right: bool) -> None:
    found = {harm: count for harm, count in counts(trial.violations).items() if count}
    words = ", ".join(f"{count} {harm}" for harm, count in found.items()) or "nothing"
    numbers = sorted({violation.invariant for violation in trial.violations}, key=lambda i: int(i[1:]))
    what = f"{name}: {_DESCRIBED[name] if name in _DESCRIBED else MUTANTS[name].what}"
    verdict = "as it must be" if right else "WRONG"
    if name == THEIRS:
        verdict = "for comparison"
    table.add_row(what, str(trial.number), words, " ".join(numbers), verdict)


if __name__ == "__main__":
    sys.exit(main())
