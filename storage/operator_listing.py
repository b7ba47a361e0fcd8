"""Operators as those who manage them see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import Operator, OperatorCredential, OperatorSession, OperatorToken


class Listed(NamedTuple):
    operator: Operator
    can_sign_in: bool
    locked_until: datetime | None
    last_seen_at: datetime | None
    live_tokens: int


async def listed(session: AsyncSession, operator_id: str | None = None) -> Sequence[Listed]:
    """Oldest first, disabled ones too; or one alone."""
    own = col(Operator.id)
    tokens = (
        select(func.count())
        .where(col(OperatorToken.operator_id) == own, col(OperatorToken.revoked_at).is_(None))
        .scalar_subquery()
    )
    seen = (
        select(func.max(col(OperatorSession.last_used_at)))
        .where(col(OperatorSession.operator_id) == own)
        .scalar_subquery()
    )
    query = (
        select(Operator, OperatorCredential, seen, tokens)
        .outerjoin(OperatorCredential, col(OperatorCredential.operator_id) == own)
        .order_by(col(Operator.created_at), own)
    )
    if operator_id is not None:
        query = query.where(own == operator_id)
    now = (await session.exec(select(func.now()))).one()
    found: list[Listed] = []
    for operator, credential, last_seen, count in (await session.exec(query)).all():
        until = None if credential is None else credential.locked_until
        locked = until if until is not None and until > now else None
        found.append(Listed(operator, credential is not None, locked, last_seen, int(count)))
    return found
