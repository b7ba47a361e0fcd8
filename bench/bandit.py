"""Learned ordering beside fixed order on a seeded simulation: `python -m bench.bandit [--plot FILE]`.

Account `a` succeeds in 90% of its attempts, `b` in 80%. Then `a` falls to 40%, and later recovers. Prints how
many decisions it takes until most checkouts ask the better account first, and the regret: successes missed
beside somebody who always knows the better one.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from domain.checkout import MethodType, PaymentMethod
from routing.request import RouteRequest
from routing.scores import ScoreRules, Scores, Tally, groups_of

ACCOUNTS: Final = ("a", "b")
EVERY: Final = 3.0
"""Seconds between two checkouts: 20 a minute."""
COUNTED_EVERY: Final = 2
"""Checkouts between two snapshots: scores are counted every five seconds."""
HALF_LIFE: Final = 600.0
"""Seconds, the setting's default."""
WINDOW: Final = 50
"""Checkouts over which the share of an account is taken."""

REQUEST: Final = RouteRequest(
    amount=12_500, currency="NGN", method=PaymentMethod(type=MethodType.CARD, bin="539983")
)


@dataclass(frozen=True)
class Phase:
    decisions: int
    rates: tuple[float, float]
    """Of `a` and `b`."""

    @property
    def better(self) -> int:
        return self.rates.index(max(self.rates))


PHASES: Final = (Phase(600, (0.9, 0.8)), Phase(600, (0.4, 0.8)), Phase(1200, (0.9, 0.8)))


@dataclass
class Run:
    chosen: list[int] = field(default_factory=list)
    """Which account each decision put first."""
    regret: list[float] = field(default_factory=list)
    """After each decision, in successes expected."""

    def asked(self, account: int, rates: tuple[float, float]) -> None:
        self.chosen.append(account)
        self.regret.append((self.regret[-1] if self.regret else 0.0) + max(rates) - rates[account])

    def share(self, account: int, at: int) -> float:
        """Of the last `WINDOW` decisions, how many put the account first."""
        recent = self.chosen[max(at - WINDOW, 0) : at]
        return recent.count(account) / max(len(recent), 1)


class Counts:
    """The counts of the product, kept in memory: faded, per group."""

    def __init__(self, rules: ScoreRules) -> None:
        self._rules = rules
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._at = datetime(2026, 1, 1, tzinfo=UTC)
        self._version = 0

    def count(self, attempts: Sequence[tuple[str, bool]], at: datetime) -> None:
        factor = 0.5 ** ((at - self._at).total_seconds() / HALF_LIFE)
        self._tallies = {key: Tally(t.good * factor, t.bad * factor) for key, t in self._tallies.items()}
        self._at = at
        for account, good in attempts:
            for group in groups_of(REQUEST, "NG"):
                was = self._tallies.get((account, group), Tally(0, 0))
                self._tallies[account, group] = Tally(was.good + good, was.bad + (not good))
        self._version += 1

    def snapshot(self) -> Scores:
        return Scores(self._version, self._at, dict(self._tallies), self._rules)


def learned(seed: int, rules: ScoreRules | None = None) -> Run:
    """The product's own ordering, fed with what its choices come to."""
    chance, run, counts = random.Random(seed), Run(), Counts(rules or ScoreRules())  # noqa: S311 - a simulation
    now = datetime(2026, 1, 1, tzinfo=UTC)
    waiting: list[tuple[str, bool]] = []
    scores = counts.snapshot()
    decisions = [each for each in PHASES for _ in range(each.decisions)]
    for number, phase in enumerate(decisions):
        now += timedelta(seconds=EVERY)
        first = scores.order(ACCOUNTS, REQUEST, f"co_{seed}_{number}", country="NG")[0].account
        asked = ACCOUNTS.index(first)
        run.asked(asked, phase.rates)
        waiting.append((first, chance.random() < phase.rates[asked]))
        if number % COUNTED_EVERY == 0:
            counts.count(waiting, now)
            waiting, scores = [], counts.snapshot()
    return run


def fixed() -> Run:
    """Always `a` first: what the country map does."""
    run = Run()
    for phase in PHASES:
        for _ in range(phase.decisions):
            run.asked(0, phase.rates)
    return run


def moved_after(run: Run, phase: int) -> int | None:
    """Decisions of this phase until most of the last `WINDOW` went to its better account; None: never."""
    begin = sum(each.decisions for each in PHASES[:phase])
    for at in range(begin + 1, begin + PHASES[phase].decisions + 1):
        if run.share(PHASES[phase].better, at) > 0.5:
            return at - begin
    return None


def plot(runs: Sequence[Run], straight: Run, file: Path) -> None:
    """Share of `a`, and regret, over the decisions."""
    import matplotlib as mpl  # takes a second to load, and most runs want no picture

    mpl.use("agg")
    from matplotlib import pyplot

    figure, (shares, regrets) = pyplot.subplots(2, 1, figsize=(7, 5), sharex=True)
    total = len(straight.chosen)
    for run in runs:
        shares.plot(
            [100 * run.share(0, at) for at in range(1, total + 1)], color="tab:blue", alpha=0.35, lw=0.8
        )
        regrets.plot(run.regret, color="tab:blue", alpha=0.35, lw=0.8)
    regrets.plot(straight.regret, color="tab:red", label="fixed order")
    regrets.plot([], color="tab:blue", label=f"learned, {len(runs)} seeds")
    change = 0
    for phase in PHASES[:-1]:
        change += phase.decisions
        for axes in (shares, regrets):
            axes.axvline(change, color="gray", lw=0.8, ls="--")
    shares.set_ylabel(f"a first, % of {WINDOW}")
    shares.set_title("a: 90%, then 40%, then 90%; b: 80%")
    regrets.set_ylabel("regret (successes)")
    regrets.set_xlabel("decisions")
    regrets.legend(frameon=False)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=60, metadata={"Software": None})
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.bandit", description="Learned ordering beside fixed order.")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--runs", type=int, default=10, help="so many, with seeds that follow")
    parser.add_argument("--plot", type=Path, help="write a picture there")
    given = parser.parse_args(arguments)
    straight = fixed()
    runs = [learned(given.seed + number) for number in range(given.runs)]
    print("seed  leaves a after  returns after   regret  (decisions, decisions, successes)")
    for number, run in enumerate(runs):
        left, back = moved_after(run, 1), moved_after(run, 2)
        print(f"{given.seed + number:4}  {left!s:>14}  {back!s:>13}  {run.regret[-1]:7.1f}")
    print(f"fixed order: {straight.regret[-1]:.1f}")
    if given.plot:
        plot(runs, straight, given.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
