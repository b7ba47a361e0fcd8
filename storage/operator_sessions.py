"""Operators who are signed in. Times are the database's: every process agrees on when a session ends."""

import hashlib
import secrets
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, func, text
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.operator import Operator, Role
from storage import tables
from storage.tables import OperatorSession

IDLE_SECONDS: Final = 15 * 60
LIFE_SECONDS: Final = 12 * 3600
ID_LENGTH: Final = 43
_ID_BYTES: Final = 32


class SignedIn(NamedTuple):
    operator: Operator
    expires_at: datetime


def digest_of(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode()).digest()


def _ago(seconds: int) -> ColumnElement[datetime]:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _live() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        col(OperatorSession.last_used_at) > _ago(IDLE_SECONDS),
        col(OperatorSession.created_at) > _ago(LIFE_SECONDS),
    )


async def begin(session: AsyncSession, operator_id: str) -> str:
    """A new session's id, which is kept nowhere. Those that are over are swept away."""
    session_id = secrets.token_urlsafe(_ID_BYTES)
    await session.exec(
        delete(OperatorSession).where(
            (col(OperatorSession.last_used_at) <= _ago(IDLE_SECONDS))
            | (col(OperatorSession.created_at) <= _ago(LIFE_SECONDS))
        )
    )
    session.add(OperatorSession(digest=digest_of(session_id), operator_id=operator_id))
    await session.flush()
    return session_id


async def find(session: AsyncSession, session_id: str, *, used: bool = True) -> SignedIn | None:
    """Who is signed in under this id, with the role of now; None where the session is over.

    `used` counts as a use, which keeps it from ending (noted every half minute).
    """
    digest = digest_of(session_id)
    life = text(f"interval '{LIFE_SECONDS} seconds'")
    found = await session.exec(
        select(tables.Operator, col(OperatorSession.created_at) + life)
        .join(OperatorSession, col(OperatorSession.operator_id) == col(tables.Operator.id))
        .where(col(OperatorSession.digest) == digest, col(tables.Operator.disabled_at).is_(None), *_live())
    )
    row = found.first()
    if row is None:
        return None
    if used:
        await session.exec(
            update(OperatorSession)
            .where(col(OperatorSession.digest) == digest, col(OperatorSession.last_used_at) < _ago(30))
            .values(last_used_at=func.now())
        )
    operator, expires_at = row
    return SignedIn(Operator(id=operator.id, name=operator.name, role=Role(operator.role)), expires_at)


async def end(session: AsyncSession, session_id: str) -> str | None:
    """The operator whose session it was; None where there was none."""
    found = await session.exec(
        delete(OperatorSession)
        .where(col(OperatorSession.digest) == digest_of(session_id))
        .returning(col(OperatorSession.operator_id))
    )
    return found.scalar()


async def end_all(session: AsyncSession, operator_id: str) -> None:
    await session.exec(delete(OperatorSession).where(col(OperatorSession.operator_id) == operator_id))
