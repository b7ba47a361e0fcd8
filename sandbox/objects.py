"""What the gateways remember: payments, pages, refunds, events, each a model of its own kind."""

import sqlite3
from typing import ClassVar, TypeVar

from pydantic import BaseModel

from sandbox.database import Database


class Stored(BaseModel):
    """Base of everything that a gateway keeps. `parent` is the id of what it belongs to."""

    gateway: ClassVar[str]
    kind: ClassVar[str]

    id: str
    account: str
    reference: str | None = None
    parent: str | None = None
    created: float
    """Seconds since 1970."""


M = TypeVar("M", bound=Stored)


class Objects:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, item: Stored) -> None:
        """Insert, or replace the body of the one with this id."""
        self._database.run(
            "INSERT INTO object (gateway, kind, id, account, reference, parent, created, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (gateway, kind, id) DO UPDATE SET "
            "body = excluded.body, reference = excluded.reference, parent = excluded.parent",
            item.gateway,
            item.kind,
            item.id,
            item.account,
            item.reference,
            item.parent,
            item.created,
            item.model_dump_json(),
        )

    def get(self, model: type[M], identifier: str, account: str | None = None) -> M | None:
        """One by its id. With an `account`, what belongs to another account does not exist."""
        row = self._database.row(
            "SELECT body FROM object WHERE gateway = ?1 AND kind = ?2 AND id = ?3 "
            "AND (?4 IS NULL OR account = ?4)",
            model.gateway,
            model.kind,
            identifier,
            account,
        )
        return None if row is None else model.model_validate_json(row["body"])

    def require(self, model: type[M], identifier: str) -> M:
        """One that must be there: another object names it. Raises KeyError."""
        found = self.get(model, identifier)
        if found is None:
            raise KeyError(identifier)
        return found

    def of_parent(self, model: type[M], parent: str) -> list[M]:
        """Oldest first."""
        return self._read(
            model,
            self._database.rows(
                "SELECT body FROM object WHERE gateway = ? AND kind = ? AND parent = ? ORDER BY seq",
                model.gateway,
                model.kind,
                parent,
            ),
        )

    def of_reference(self, model: type[M], reference: str, account: str | None = None) -> list[M]:
        """Oldest first."""
        return self._read(
            model,
            self._database.rows(
                "SELECT body FROM object WHERE gateway = ?1 AND kind = ?2 AND reference = ?3 "
                "AND (?4 IS NULL OR account = ?4) ORDER BY seq",
                model.gateway,
                model.kind,
                reference,
                account,
            ),
        )

    def newest(
        self,
        model: type[M],
        account: str,
        *,
        since: float = 0.0,
        until: float = 1e18,
        older_than: str | None = None,
        newer_than: str | None = None,
    ) -> list[M]:
        """Newest first, within [since, until], optionally on one side of the object with that id."""
        return self._read(
            model,
            self._database.rows(
                "SELECT body FROM object WHERE gateway = ?1 AND kind = ?2 AND account = ?3 "
                "AND created >= ?4 AND created <= ?5 "
                "AND (?6 IS NULL OR seq < "
                "(SELECT seq FROM object WHERE gateway = ?1 AND kind = ?2 AND id = ?6)) "
                "AND (?7 IS NULL OR seq > "
                "(SELECT seq FROM object WHERE gateway = ?1 AND kind = ?2 AND id = ?7)) "
                "ORDER BY seq DESC LIMIT 5000",
                model.gateway,
                model.kind,
                account,
                since,
                until,
                older_than,
                newer_than,
            ),
        )

    @staticmethod
    def _read(model: type[M], rows: list[sqlite3.Row]) -> list[M]:
        return [model.model_validate_json(row["body"]) for row in rows]
