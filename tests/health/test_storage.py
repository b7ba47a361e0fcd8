"""Circuits and orders in a real database, shared by real processes."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from activities.account_health import AccountHealth
from config.settings import Settings
from devstack.programs import ROOT
from domain.circuit import Circuit, CircuitRules, CircuitState, Mode, Sample
from domain.outcome import NotSent, NotSentCause, Pending
from routing.health import Standing
from storage import alerts, audit_log, health
from storage.database import Database
from tests.health.process import PART
from tests.patience import PATIENCE

REFUSED = NotSent(cause=NotSentCause.UNREACHABLE, detail="ConnectError")
WORKED = Pending(detail="accepted")
NEARLY = timedelta(seconds=0.5)
FEW = CircuitRules(failures=3, open_for=60)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(Settings(database_url=database_url).sqlalchemy_url, pool_size=5)
    yield opened
    await opened.aclose()


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def processes(database_url: str, what: str, *, number: int, times: int) -> list[int]:
    """What so many processes say, which all begin at once."""
    command = (sys.executable, "-m", "tests.health.process", database_url, what, str(times))
    running = [await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE) for _ in range(number)]
    async with asyncio.timeout(PATIENCE):
        answers = [(await each.communicate())[0] for each in running]
    assert [each.returncode for each in running] == [0] * number
    return [int(answer) for answer in answers]


async def count(database: Database, *good: bool) -> Circuit:
    async with database.transaction() as session:
        samples = [Sample(each, datetime.now(UTC), "refused") for each in good]
        return await health.count(session, *PART, samples, FEW)


async def eventually(ask: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = ask()
            if answer is True or (answer is not False and await answer):
                return
            await asyncio.sleep(0.02)


async def test_failures_of_several_processes_open_one_circuit_once(
    database_url: str, sql: asyncpg.Connection
) -> None:
    await processes(database_url, "fail", number=3, times=10)
    row = await sql.fetchrow("SELECT state, opens, streak, last_failure FROM account_circuits")
    assert row is not None
    assert dict(row) == {"state": "open", "opens": 1, "streak": 20, "last_failure": "refused"}
    assert await sql.fetchval("SELECT count(*) FROM alerts WHERE kind = 'account.circuit_open'") == 1

    await sql.execute("UPDATE account_circuits SET retry_at = now()")
    assert sum(await processes(database_url, "probe", number=3, times=10)) == 1
    assert await sql.fetchval("SELECT state FROM account_circuits") == "half_open"


async def test_a_claim_that_is_rolled_back_is_free_again(database: Database, sql: asyncpg.Connection) -> None:
    await count(database, False, False, False)
    await sql.execute("UPDATE account_circuits SET retry_at = now()")
    with pytest.raises(RuntimeError):  # noqa: PT012 - the claim belongs to the transaction that fails
        async with database.transaction() as session:
            assert await health.claim_probe(session, *PART, FEW)
            raise RuntimeError
    async with database.transaction() as session:
        assert await health.claim_probe(session, *PART, FEW)


async def test_opening_alerts_closing_settles_the_alert_and_opening_again_raises_it_anew(
    database: Database, sql: asyncpg.Connection
) -> None:
    async def alert() -> tuple[str, bool]:
        async with database.transaction() as session:
            (found,) = await alerts.page(session, limit=2, subject="stripe/card")
        return found.message, found.acknowledged_at is None

    assert (await count(database, False, False, False)).state is CircuitState.OPEN
    assert await alert() == ("stripe fails for card: refused", True)
    await sql.execute("UPDATE account_circuits SET opened_at = now() - interval '1 minute'")
    assert (await count(database, True)).state is CircuitState.CLOSED
    assert await alert() == ("stripe fails for card: refused", False)
    assert (await count(database, False, False, False)).state is CircuitState.OPEN
    assert (await alert())[1]
    assert await sql.fetchval("SELECT opens FROM account_circuits") == 2


async def test_an_order_is_recorded_with_who_and_why(database: Database) -> None:
    async with database.transaction() as session:
        await health.set_mode(session, "stripe", Mode.DRAIN, actor="op_1", reason="maintenance")
        await health.set_mode(session, "stripe", Mode.AUTO, actor="op_2", reason="it is over")
        told = await audit_log.about(session, "stripe")
        known = await health.read(session)
    assert [(each.actor, each.action, each.before, each.after, each.reason) for each in told] == [
        ("op_1", "account.mode", {"mode": "auto"}, {"mode": "drain"}, "maintenance"),
        ("op_2", "account.mode", {"mode": "drain"}, {"mode": "auto"}, "it is over"),
    ]
    assert (known.modes["stripe"].mode, known.modes["stripe"].reason) == ("auto", "it is over")


async def test_while_everything_works_nothing_is_written(database: Database, sql: asyncpg.Connection) -> None:
    process = AccountHealth(FEW)
    for _ in range(1000):
        process.note("stripe", "card", WORKED, 0.1)
        await process.tell(database)
    assert await sql.fetchval("SELECT count(*) FROM account_circuits") == 0

    # After a failure successes are counted, at most once each time that it tells.
    process.note("stripe", "card", REFUSED, 0.1)
    await process.tell(database)
    await process.look(database)
    for _ in range(100):
        process.note("stripe", "card", WORKED, 0.1)
    await process.tell(database)
    assert await sql.fetchval("SELECT version FROM account_circuits") == 2
    assert await sql.fetchval("SELECT round(good) FROM account_circuits") == 100


async def test_what_one_process_learns_every_process_knows_at_once(
    database: Database, database_url: str, sql: asyncpg.Connection
) -> None:
    meeting, other = AccountHealth(FEW), AccountHealth(FEW)
    keeping = [asyncio.create_task(each.keep(database, database_url)) for each in (meeting, other)]
    try:
        for _ in range(3):
            meeting.note("stripe", "card", REFUSED, 0.1)

        def blocked() -> bool:
            return other.snapshot.standing("stripe", "card", other.now()) is Standing.BLOCKED

        await eventually(blocked)
        async with database.transaction() as session:
            await health.set_mode(session, "stripe", Mode.FORCE, actor="op_1", reason="we know better")
        await eventually(lambda: other.snapshot.standing("stripe", "card", other.now()) is Standing.CLEAR)
        before = await sql.fetchval("SELECT clock_timestamp()")
        now = other.now()
        after = await sql.fetchval("SELECT clock_timestamp()")
        assert before - NEARLY < now < after + NEARLY

        # Whoever sends now and succeeds closes it.
        other.note("stripe", "card", WORKED, 0.0)

        async def closed() -> bool:
            return bool(await sql.fetchval("SELECT state = 'closed' FROM account_circuits"))

        await eventually(closed)
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
