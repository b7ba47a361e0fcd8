"""A process's view of the accounts' health and scores, and what it has to tell about them.

Planning reads a snapshot in memory: it costs no query while every account is healthy. Calls are noted in
memory too; a failure is written at once, successes at most once a second and only while something fails, so
the straight path writes nothing. What a killed process had not written yet is lost: a circuit is advice.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from config.settings import Settings
from domain.circuit import CircuitRules, CircuitState, Mode, Sample, sample_of
from domain.outcome import Outcome
from routing.card_network import network_of
from routing.fees import load_fees
from routing.health import HealthSnapshot, Part
from routing.scores import ScoreRules, Scores, Tally, group_names
from storage import health, scores
from storage.database import Database
from storage.listening import listen

log = structlog.get_logger()

EVERY = 1.0
"""Seconds after which a snapshot is read again without being told: its greatest age, nearly."""
LEARN_EVERY = 5.0
"""Seconds between two counts of what has ended; one process at a time counts."""
MOST_PENDING = 500
"""Calls of one account and method that wait to be counted; of more, the latest."""


def account_health(settings: Settings, accounts: Collection[str]) -> "AccountHealth":
    """As the settings say. Raises BadFees."""
    return AccountHealth(
        CircuitRules(
            failures=settings.circuit_failures,
            share=settings.circuit_failure_share,
            window=settings.circuit_window,
            slow_after=settings.circuit_slow_after,
            open_for=settings.circuit_open_for,
            open_at_most=settings.circuit_open_at_most,
            probe_for=settings.charge_timeout,
        ),
        Scores(
            rules=ScoreRules(exploration=settings.exploration_share),
            fees=load_fees(settings.fees_file, accounts),
        ),
    )


class AccountHealth:
    """One per process. `keep` runs beside everything else; without it all accounts are taken for healthy."""

    def __init__(self, rules: CircuitRules | None = None, scores: Scores | None = None) -> None:
        """`scores`: rules and fees that every later snapshot of scores takes over."""
        self.rules = rules or CircuitRules()
        self.snapshot = HealthSnapshot(rules=self.rules)
        self.scores = scores or Scores()
        self.opens: Mapping[Part, int] = {}
        """How often each circuit has opened, ever."""
        self._at = datetime.now(UTC)
        self._read_at = time.monotonic()
        self._pending: dict[Part, list[Sample]] = {}
        self._news = asyncio.Event()
        self._learnt_at = 0.0

    def now(self) -> datetime:
        """The database's time, as well as this process knows it."""
        return self._at + timedelta(seconds=time.monotonic() - self._read_at)

    def note(self, account: str, method: str, outcome: Outcome, seconds: float) -> None:
        """A charge was answered after so many seconds. Only remembers it."""
        began = self.now() - timedelta(seconds=seconds)
        sample = sample_of(outcome, began=began, seconds=seconds, slow_after=self.rules.slow_after)
        if sample is None:
            return
        waiting = self._pending.setdefault((account, method), [])
        waiting.append(sample)
        del waiting[:-MOST_PENDING]
        circuit = self.snapshot.circuits.get((account, method))
        if not sample.good or (circuit is not None and circuit.state is not CircuitState.CLOSED):
            self._news.set()

    async def keep(self, database: Database, database_url: str, *, half_life: float | None = None) -> None:
        """Tell, read, and with `half_life` (seconds) count scores as well, until cancelled."""
        listening = asyncio.create_task(listen(database_url, health.CHANNEL, self._news), name="health news")
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self._news.wait()
                self._news.clear()
                try:
                    await self.tell(database)
                    if half_life is not None:
                        await self._learn(database, half_life)
                    await self.look(database)
                except Exception as error:  # whatever it was: nobody else would begin again
                    log.warning("health.failed", error=type(error).__name__)
                    await asyncio.sleep(EVERY)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def tell(self, database: Database) -> None:
        """Write what is pending, each account and method in a transaction of its own. Raises Busy."""
        pending, self._pending = self._pending, {}
        for part, samples in pending.items():
            if all(sample.good for sample in samples) and self._clean(part):
                continue
            async with database.transaction() as session:
                before = self.snapshot.circuits.get(part)
                after = await health.count(session, *part, samples, self.rules)
            if before is None or before.state is not after.state:
                log.info("account.circuit", account=part[0], method=part[1], state=after.state)

    async def look(self, database: Database) -> None:
        """Read everything anew."""
        async with database.transaction() as session:
            began = time.monotonic()
            known = await health.read(session)
            version = await scores.version(session)
            counted = await scores.read(session) if version != self.scores.version else None
        self._at, self._read_at = known.at, began
        modes = {account: Mode(row.mode) for account, row in known.modes.items()}
        self.snapshot = HealthSnapshot(known.circuits, modes, self.rules)
        self.opens = known.opens
        if counted is not None:
            tallies = {part: Tally(*tally) for part, tally in counted.tallies.items()}
            self.scores = Scores(
                counted.version, counted.taken_at, tallies, self.scores.rules, self.scores.fees
            )

    async def claim_probe(self, session: AsyncSession, account: str, method: str) -> bool:
        """Claim that this checkout finds out whether the account works again, in the caller's transaction."""
        return await health.claim_probe(session, account, method, self.rules)

    def _clean(self, part: Part) -> bool:
        circuit = self.snapshot.circuits.get(part)
        return circuit is None or circuit.clean(self.now(), self.rules)

    async def _learn(self, database: Database, half_life: float) -> None:
        if time.monotonic() - self._learnt_at < LEARN_EVERY:
            return
        self._learnt_at = time.monotonic()
        async with database.transaction() as session:
            await scores.learn(session, groups, half_life=half_life)


def groups(
    method: str, currency: str, country: str | None, card_bin: str | None, network: str | None
) -> tuple[str, ...]:
    """The groups that an attempt counts in."""
    return group_names(method, currency, country, network_of(card_bin) or network)
