"""The gateways' own books: effects on money, append-only, in ISO 4217 minor units."""

import sqlite3

from sandbox.clock import now, rfc3339
from sandbox.database import Database
from sandbox.vocabulary import LedgerKind


class Ledger:
    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        *,
        gateway: str,
        account: str,
        kind: LedgerKind,
        amount: int,
        currency: str,
        reference: str | None,
        payment_id: str,
        idempotency_key: str | None,
    ) -> None:
        """`amount` in ISO minor units, `currency` upper-case."""
        self._database.run(
            "INSERT INTO ledger (at, gateway, account, kind, amount, currency, reference, payment_id, "
            "idempotency_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rfc3339(now()),
            gateway,
            account,
            kind.value,
            amount,
            currency,
            reference,
            payment_id,
            idempotency_key,
        )

    def rows(self, *, gateway: str | None, reference: str | None, after_seq: int) -> list[sqlite3.Row]:
        return self._database.rows(
            "SELECT seq, at, gateway, account, kind, amount, currency, reference, payment_id, "
            "idempotency_key FROM ledger WHERE seq > ?3 AND (?1 IS NULL OR gateway = ?1) "
            "AND (?2 IS NULL OR reference = ?2) ORDER BY seq",
            gateway,
            reference,
            after_seq,
        )
