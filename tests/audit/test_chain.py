"""The audit log on a real database: what seals it, and what is found when somebody tampers with it."""

# ruff: noqa: S608 - the numbers in the statements are our own

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from cli.main import app
from config.keys import KeyRing, new_key
from config.settings import Settings
from domain.audit import Entry, canonical
from storage import audit_checking, audit_log, audit_sealing
from storage.audit_checking import Verdict
from storage.audit_sealing import Gaps, Sealer
from storage.database import Database
from tests.operators.shell import Shell

HALF_A_YEAR_AGO = datetime.now(UTC) - timedelta(days=183)


class Log:
    """An audit log with tools to write it, seal it and spoil it."""

    def __init__(self, url: str, connection: asyncpg.Connection) -> None:
        self.url = url
        self.connection = connection
        self.keys = KeyRing.parse(new_key("first"))
        self.database = Database(Settings(database_url=url).sqlalchemy_url, pool_size=3)
        self.sealer = Sealer(self.database, self.keys)

    async def add(self, *subjects: str) -> None:
        for subject in subjects:
            async with self.database.transaction() as session:
                await audit_log.record(session, actor="op_1", action="test.done", subject=subject)

    async def ids(self) -> list[int]:
        return [row["id"] for row in await self.connection.fetch("SELECT id FROM audit_log ORDER BY id")]

    async def sealed(self, count: int, *, seals: int = 3) -> list[int]:
        """So many entries in so many seals."""
        for number in range(seals):
            await self.add(*(f"thing-{number}-{each}" for each in range(count // seals)))
            assert await self.sealer.catch_up() == count // seals
        return await self.ids()

    async def spoil(self, *statements: str) -> None:
        """As somebody who owns the database can: past the triggers."""
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await self.connection.execute(statement)

    async def verify(self, **options: Any) -> Verdict:
        async with self.database.transaction() as session:
            return await audit_checking.verify(session, self.keys, **options)


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[Log]:
    connection = await asyncpg.connect(database_url)
    opened = Log(database_url, connection)
    yield opened
    await opened.database.aclose()
    await connection.close()


async def test_what_is_untouched_is_found_good(log: Log) -> None:
    await log.sealed(12)
    verdict = await log.verify()
    assert (verdict.entries, verdict.seals, verdict.faults, verdict.waiting) == (12, 3, [], 0)
    assert await log.sealer.catch_up() == 0


async def test_a_changed_entry_is_named(log: Log) -> None:
    ids = await log.sealed(12)
    for column, value in (
        ("actor", "'op_2'"),
        ("reason", "'because'"),
        ("at", "at + interval '1 us'"),
        ("after", "'{}'"),
    ):
        before = await log.connection.fetchrow("SELECT * FROM audit_log WHERE id = $1", ids[4])
        await log.spoil(f"UPDATE audit_log SET {column} = {value} WHERE id = {ids[4]}")
        assert (await log.verify()).faults == [f"entry {ids[4]} was changed"]
        await log.spoil(f"DELETE FROM audit_log WHERE id = {ids[4]}")
        await log.connection.execute(
            "INSERT INTO audit_log SELECT * FROM json_populate_record(NULL::audit_log, $1)",
            json.dumps(dict(before or {}), default=str),
        )
        assert (await log.verify()).faults == []


async def test_a_deleted_entry_is_named(log: Log) -> None:
    ids = await log.sealed(12)
    await log.spoil(f"DELETE FROM audit_log WHERE id = {ids[5]}")
    assert (await log.verify()).faults == [f"entry {ids[5]} is gone"]


async def test_entries_that_changed_places_are_named(log: Log) -> None:
    ids = await log.sealed(12)
    one, other = ids[1], ids[7]
    await log.spoil(
        f"UPDATE audit_log SET id = -1 WHERE id = {one}",
        f"UPDATE audit_log SET id = {one} WHERE id = {other}",
        f"UPDATE audit_log SET id = {other} WHERE id = -1",
    )
    assert (await log.verify()).faults == [f"entry {one} was changed", f"entry {other} was changed"]


async def test_an_entry_that_was_slipped_in_is_named(log: Log) -> None:
    await log.connection.execute("SELECT nextval('audit_log_id_seq')")  # a transaction that was rolled back
    ids = await log.sealed(12)
    assert ids[0] == 2
    await log.spoil("INSERT INTO audit_log (id, actor, action, subject) VALUES (1, 'x', 'y', 'z')")
    verdict = await log.verify(settled_after=0)
    assert verdict.faults == ["entry 1 was slipped in: entries after it had been sealed long before"]


async def test_a_cut_off_end_is_found(log: Log) -> None:
    ids = await log.sealed(12)
    head = (await log.verify()).head
    await log.spoil(f"DELETE FROM audit_log WHERE id > {ids[9]}")
    assert (await log.verify()).faults == [f"entry {ids[10]} is gone", f"entry {ids[11]} is gone"]
    await log.spoil(f"DELETE FROM audit_log WHERE id > {ids[7]}", "DELETE FROM audit_seals WHERE number = 3")
    assert (await log.verify()).faults == []  # nothing is left of it, but its head was kept
    assert (await log.verify(expected=head)).faults == ["seal 3 is gone: the end of the log was cut off"]
    assert (await log.verify(expected=f"2:{'0' * 64}")).faults == ["seal 2 has another hash than expected"]


async def test_a_seal_cannot_be_made_anew_without_the_key(log: Log) -> None:
    ids = await log.sealed(12)
    await log.spoil(f"DELETE FROM audit_log WHERE id = {ids[-1]}", "DELETE FROM audit_seals WHERE number = 3")
    await Sealer(log.database, KeyRing.parse(new_key("first"))).catch_up()
    assert (await log.verify()).faults == ["seal 3 bears a forged signature"]
    await log.spoil("UPDATE audit_seals SET key = 'gone' WHERE number = 3")
    verdict = await log.verify()
    assert (verdict.faults, verdict.unsigned) == ([], 1)


async def test_a_changed_or_missing_seal_is_named(log: Log) -> None:
    await log.sealed(12)
    await log.spoil("UPDATE audit_seals SET ids = ARRAY[ids[2], ids[1]] || ids[3:] WHERE number = 2")
    faults = (await log.verify()).faults
    assert faults[0] == "seal 2 was changed"
    await log.spoil("DELETE FROM audit_seals WHERE number = 2")
    assert (await log.verify()).faults[0] == "seal 2 is gone"


@pytest.mark.parametrize("fresh", [False, True])
async def test_an_entry_that_commits_late_is_sealed_late(log: Log, fresh: bool) -> None:
    """By the process that missed it, and by one that takes over."""
    slow = await asyncpg.connect(log.url)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute("INSERT INTO audit_log (actor, action, subject) VALUES ('op_1', 'test.done', 'late')")
    await log.add("early", "bird")
    assert await log.sealer.catch_up() == 2
    await transaction.commit()
    await slow.close()
    sealer = Sealer(log.database, log.keys) if fresh else log.sealer
    assert await sealer.catch_up() == 1
    verdict = await log.verify()
    assert (verdict.entries, verdict.faults) == (3, [])
    assert await log.connection.fetchval("SELECT ids FROM audit_seals WHERE number = 2") == [1]


async def test_many_sealers_make_one_chain(log: Log) -> None:
    sealers = [Sealer(log.database, log.keys) for _ in range(4)]

    async def write(number: int) -> None:
        for each in range(20):
            await log.add(f"{number}-{each}")

    async def seal(sealer: Sealer) -> int:
        return sum([await sealer.catch_up() for _ in range(25)])

    results = await asyncio.gather(*(write(each) for each in range(3)), *(seal(each) for each in sealers))
    rest = await log.sealer.catch_up()
    assert sum(count for count in results if count is not None) + rest == 60
    verdict = await log.verify()
    assert (verdict.entries, verdict.faults) == (60, [])


async def test_more_than_one_batch(log: Log) -> None:
    await log.connection.execute(
        "INSERT INTO audit_log (actor, action, subject)"
        f" SELECT 'op_1', 'test.done', n::text FROM generate_series(1, {audit_sealing.AT_ONCE + 5}) n"
    )
    assert await log.sealer.catch_up() == audit_sealing.AT_ONCE + 5
    assert (await log.verify()).entries == audit_sealing.AT_ONCE + 5


def test_gaps_close_and_are_forgotten() -> None:
    gaps = Gaps()
    gaps.without([1, 2, 5, 9], 0, 9, now=0.0)
    assert gaps.ranges == [(3, 4, 0.0), (6, 8, 0.0)]
    gaps.without([4, 7, 11], 9, 11, now=1.0)
    assert gaps.ranges == [(3, 3, 0.0), (6, 6, 0.0), (8, 8, 0.0), (10, 10, 1.0)]
    gaps.without([], 11, 11, now=audit_sealing.SETTLED_AFTER + 0.5)
    assert gaps.ranges == [(10, 10, 1.0)]


async def test_nothing_can_be_changed_or_deleted(log: Log) -> None:
    await log.sealed(3)
    for change in (
        "UPDATE audit_log SET actor = ''",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_seals SET ids = '{}'",
        "UPDATE audit_seals SET purged_at = now()",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_seals",
    ):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await log.connection.execute(change)


async def test_what_waits_for_a_seal_is_told(log: Log) -> None:
    await log.connection.execute(
        "INSERT INTO audit_log (actor, action, subject, at) VALUES ('a', 'b', 'c', now() - interval '1 hour')"
    )
    verdict = await log.verify()
    assert (verdict.waiting, verdict.faults) == (1, [])
    told = await asyncio.to_thread(Shell(log.url), "audit", "verify", code=1)
    assert "1 entries wait to be sealed" in told


async def test_the_command_names_the_first_broken_entry(log: Log) -> None:
    ids = await log.sealed(12)
    environment = {"DATABASE_URL": log.url, "ENCRYPTION_KEYS": new_key("other")}
    good = await asyncio.to_thread(CliRunner().invoke, app, ["audit", "verify"], env=environment)
    assert good.exit_code == 0, good.output
    assert "12 entries in 3 seals" in good.stdout
    assert "signed with keys that are not configured" in good.stdout
    head = good.stdout.splitlines()[1].removeprefix("head: ")
    told = await asyncio.to_thread(Shell(log.url), "audit", "verify", "--head", head[:20])
    assert told.endswith("as it was written\n")
    await log.spoil(f"DELETE FROM audit_log WHERE id IN ({ids[3]}, {ids[8]})")
    told = await asyncio.to_thread(Shell(log.url), "audit", "verify", code=1)
    assert told.splitlines()[1:] == [f"  entry {ids[3]} is gone", f"  entry {ids[8]} is gone"]


async def test_an_export_can_be_checked_by_itself(log: Log) -> None:
    await log.sealed(6)
    await log.add("not sealed yet")
    printed = await asyncio.to_thread(Shell(log.url), "audit", "export")
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["seal"] for line in lines] == [1, 1, 2, 2, 3, 3, None]
    for line in lines:
        digest = line.pop("digest")
        line.pop("seal")
        entry = Entry(**line | {"at": datetime.fromisoformat(line["at"])})
        assert entry.digest().hex() == digest
        assert canonical(entry.document()) == canonical(line)
    assert await asyncio.to_thread(Shell(log.url), "audit", "export", "--until", "2020-01-01") == ""
    assert await asyncio.to_thread(Shell(log.url), "audit", "export", "--since", "2999-01-01") == ""


async def test_old_entries_move_into_an_archive_by_whole_seals(log: Log, tmp_path: Path) -> None:
    """The last three months stay, whoever asks; what is left is still one chain."""
    ids = await log.sealed(6)
    young = tmp_path / "young.jsonl"
    refused = await asyncio.to_thread(
        Shell(log.url), "audit", "purge", "--before", "2999-01-01", "--to", str(young), code=1
    )
    assert "three months stay" in refused
    assert not young.exists()
    # Time passes: the first two seals are made again as they would have been half a year ago.
    await log.spoil("DELETE FROM audit_seals")
    async with log.database.transaction() as session:
        await audit_sealing.seal(session, Gaps(), log.keys, clock=0.0, at=HALF_A_YEAR_AGO)
    await log.add("new")
    assert await Sealer(log.database, log.keys).catch_up() == 1
    archive = tmp_path / "archive.jsonl"
    words: tuple[str, ...] = ("audit", "purge", "--before", "2999-01-01", "--to", str(archive))
    assert "three months stay" in await asyncio.to_thread(Shell(log.url), *words, code=1)
    day = f"{(HALF_A_YEAR_AGO + timedelta(days=2)).date()}"
    words = ("audit", "purge", "--before", day, "--to", str(archive), "--reason", "yearly")
    assert "6 entries moved" in await asyncio.to_thread(Shell(log.url), *words)
    assert [json.loads(line)["id"] for line in archive.read_text().splitlines()] == ids
    await log.sealer.catch_up()
    verdict = await log.verify()
    assert (verdict.faults, verdict.purged, verdict.entries) == ([], 6, 2)
    assert await asyncio.to_thread(Shell(log.url), *words, code=1)  # an archive is a new file
