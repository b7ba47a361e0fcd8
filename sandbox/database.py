"""The sandbox's own SQLite file: one connection, write-ahead log, a commit before every answer.

A commit survives a killed process (`synchronous=NORMAL` in WAL mode loses commits only when the whole
machine goes down: https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, gateway TEXT NOT NULL, account TEXT NOT NULL,
    kind TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, reference TEXT,
    payment_id TEXT NOT NULL, idempotency_key TEXT);
CREATE INDEX IF NOT EXISTS ledger_reference ON ledger (reference, seq);
CREATE TRIGGER IF NOT EXISTS ledger_keeps BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_stays BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE IF NOT EXISTS request (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, gateway TEXT NOT NULL, account TEXT,
    operation TEXT NOT NULL, reference TEXT, idempotency_key TEXT, body_sha256 TEXT NOT NULL, fault TEXT,
    method TEXT NOT NULL, path TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS request_reference ON request (reference, seq);
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, gateway TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    account TEXT NOT NULL, reference TEXT, parent TEXT, created REAL NOT NULL, body TEXT NOT NULL,
    UNIQUE (gateway, kind, id));
CREATE INDEX IF NOT EXISTS object_list ON object (gateway, kind, account, seq);
CREATE INDEX IF NOT EXISTS object_reference ON object (gateway, kind, reference, seq);
CREATE INDEX IF NOT EXISTS object_parent ON object (gateway, kind, parent, seq);
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body BLOB NOT NULL, request_id TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT, gateway TEXT NOT NULL, operation TEXT NOT NULL, fault TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhook (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, gateway TEXT NOT NULL, account TEXT NOT NULL,
    event TEXT NOT NULL, event_id TEXT, reference TEXT, payment_id TEXT, body BLOB NOT NULL,
    status TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, last_status INTEGER, fault TEXT);
CREATE INDEX IF NOT EXISTS webhook_reference ON webhook (reference, seq);
CREATE INDEX IF NOT EXISTS webhook_status ON webhook (status, seq);
CREATE TABLE IF NOT EXISTS timer (
    gateway TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, due REAL NOT NULL,
    PRIMARY KEY (gateway, action, subject));
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS number (value INTEGER PRIMARY KEY AUTOINCREMENT);
"""


class Database:
    """One connection, used from the event loop's thread only."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=True)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)
        self._depth = 0
        self._after_commit: list[Callable[[], None]] = []

    def run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self._connection.execute(sql, values)

    def insert(self, sql: str, *values: Any) -> int:
        """Returns the number of the new row."""
        number = self._connection.execute(sql, values).lastrowid
        return 0 if number is None else number

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. An inner one joins the outer one."""
        if self._depth:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._after_commit.clear()
            raise
        else:
            self._connection.execute("COMMIT")
        finally:
            self._depth = 0
        callbacks, self._after_commit = self._after_commit, []
        for callback in callbacks:
            callback()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run once the effects are durable; at once where no transaction is open."""
        if self._depth:
            self._after_commit.append(callback)
        else:
            callback()

    def next_number(self) -> int:
        """A fresh integer, never given out twice, also not after a restart."""
        return self.insert("INSERT INTO number DEFAULT VALUES")

    def close(self) -> None:
        self._connection.close()
