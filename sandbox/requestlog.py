"""Every request that arrived at a gateway, whatever became of it."""

import hashlib
import sqlite3

from sandbox.clock import now, rfc3339
from sandbox.database import Database
from sandbox.vocabulary import FaultKind, Operation


class RequestLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        *,
        gateway: str,
        account: str | None,
        operation: Operation,
        reference: str | None,
        idempotency_key: str | None,
        body: bytes,
        fault: FaultKind | None,
        method: str,
        path: str,
    ) -> None:
        """`path` without its query: what a look-up asked for is in `reference`."""
        self._database.run(
            "INSERT INTO request (at, gateway, account, operation, reference, idempotency_key, body_sha256, "
            "fault, method, path) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rfc3339(now()),
            gateway,
            account,
            operation.value,
            reference,
            idempotency_key,
            hashlib.sha256(body).hexdigest(),
            None if fault is None else fault.value,
            method,
            path,
        )

    def rows(self, *, gateway: str | None, reference: str | None, after_seq: int) -> list[sqlite3.Row]:
        return self._database.rows(
            "SELECT seq, at, gateway, account, operation, reference, idempotency_key, body_sha256, fault, "
            "method, path FROM request WHERE seq > ?3 AND (?1 IS NULL OR gateway = ?1) "
            "AND (?2 IS NULL OR reference = ?2) ORDER BY seq",
            gateway,
            reference,
            after_seq,
        )
