"""Operators and their tokens. Every change is recorded in `audit_log` in the same transaction."""

import hashlib
import secrets
from collections.abc import Iterable

from sqlalchemy import func, text
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ids import Prefix, new_id
from domain.operator import Operator, Role
from storage import audit_log, tables
from storage.tables import OperatorToken

TOKEN_START = "sp_op_"  # what every token begins with
PREFIX_LENGTH = 12
"""So many characters of a token are kept readable, to name it by."""
SESSION = text("interval '15 minutes'")
_TOKEN_BYTES = 32


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def create(
    session: AsyncSession, name: str, role: Role, *, actor: str, reason: str | None = None
) -> tables.Operator:
    """Raises IntegrityError where the name is taken."""
    operator = tables.Operator(id=new_id(Prefix.OPERATOR), name=name, role=role)
    session.add(operator)
    await session.flush()
    await audit_log.record(
        session,
        actor=actor,
        action="operator.created",
        subject=operator.id,
        after={"name": name, "role": role},
        reason=reason,
    )
    return operator


async def find(session: AsyncSession, name_or_id: str) -> tables.Operator | None:
    """Disabled ones too."""
    found = await session.exec(
        select(tables.Operator).where(
            (col(tables.Operator.id) == name_or_id) | (col(tables.Operator.name) == name_or_id)
        )
    )
    return found.first()


async def names(session: AsyncSession, ids: Iterable[str]) -> dict[str, str]:
    """Id -> name, of those that are operators: a shell is known by `cli:` and its user alone."""
    found = await session.exec(
        select(tables.Operator.id, tables.Operator.name).where(col(tables.Operator.id).in_(set(ids)))
    )
    return dict(found.all())


async def find_name(session: AsyncSession, name: str) -> tables.Operator | None:
    found = await session.exec(select(tables.Operator).where(col(tables.Operator.name) == name))
    return found.first()


async def change_role(
    session: AsyncSession, operator: tables.Operator, role: Role, *, actor: str, reason: str | None = None
) -> bool:
    """From its next call on; False where it has this role already."""
    result = await session.exec(
        update(tables.Operator)
        .where(col(tables.Operator.id) == operator.id, col(tables.Operator.role) != role)
        .values(role=role)
    )
    if result.rowcount != 1:
        return False
    await audit_log.record(
        session,
        actor=actor,
        action="operator.role_changed",
        subject=operator.id,
        before={"role": operator.role},
        after={"role": role},
        reason=reason,
    )
    return True


async def every(session: AsyncSession) -> list[tuple[tables.Operator, int]]:
    """Every operator, disabled ones too, with the number of tokens that are not revoked."""
    live = (
        select(func.count())
        .where(
            col(OperatorToken.operator_id) == col(tables.Operator.id), col(OperatorToken.revoked_at).is_(None)
        )
        .scalar_subquery()
    )
    rows = await session.exec(select(tables.Operator, live).order_by(col(tables.Operator.created_at)))
    return [(operator, int(count)) for operator, count in rows]


async def disable(
    session: AsyncSession, operator: tables.Operator, *, actor: str, reason: str | None = None
) -> bool:
    """Shut an operator out, at once and for good; False where it is disabled already."""
    result = await session.exec(
        update(tables.Operator)
        .where(col(tables.Operator.id) == operator.id, col(tables.Operator.disabled_at).is_(None))
        .values(disabled_at=func.now())
    )
    if result.rowcount != 1:
        return False
    await audit_log.record(
        session, actor=actor, action="operator.disabled", subject=operator.id, reason=reason
    )
    return True


async def issue_token(
    session: AsyncSession, operator: tables.Operator, *, actor: str, reason: str | None = None
) -> str:
    """A new token. This is the only time that it can be read; the database keeps its digest."""
    token = f"{TOKEN_START}{secrets.token_urlsafe(_TOKEN_BYTES)}"
    prefix = token[:PREFIX_LENGTH]
    session.add(
        OperatorToken(id=new_id(Prefix.TOKEN), operator_id=operator.id, prefix=prefix, digest=_digest(token))
    )
    await session.flush()
    await audit_log.record(
        session,
        actor=actor,
        action="operator.token_issued",
        subject=operator.id,
        after={"prefix": prefix},
        reason=reason,
    )
    return token


async def revoke_tokens(
    session: AsyncSession,
    operator: tables.Operator,
    prefix: str | None,
    *,
    actor: str,
    reason: str | None = None,
) -> int:
    """Revoke an operator's tokens, all or those that begin with `prefix`. Returns how many."""
    change = (
        update(OperatorToken)
        .where(col(OperatorToken.operator_id) == operator.id, col(OperatorToken.revoked_at).is_(None))
        .values(revoked_at=func.now())
    )
    if prefix is not None:
        change = change.where(col(OperatorToken.prefix) == prefix)
    count = int((await session.exec(change)).rowcount)
    if count:
        await audit_log.record(
            session,
            actor=actor,
            action="operator.tokens_revoked",
            subject=operator.id,
            after={"prefix": prefix, "count": count},
            reason=reason,
        )
    return count


async def by_token(session: AsyncSession, token: str) -> Operator | None:
    """The operator behind a live token, found by its digest. Notes, once a minute, that it was used.

    A token that comes after a quarter of an hour is a new sign-in (PCI DSS 8.2.8) and is recorded.
    """
    digest = _digest(token)
    idle = func.coalesce(col(OperatorToken.last_used_at) < func.now() - SESSION, True)
    found = await session.exec(
        select(tables.Operator, idle)
        .join(OperatorToken, col(OperatorToken.operator_id) == col(tables.Operator.id))
        .where(
            col(OperatorToken.digest) == digest,
            col(OperatorToken.revoked_at).is_(None),
            col(tables.Operator.disabled_at).is_(None),
        )
    )
    match = found.first()
    if match is None:
        return None
    row, is_new = match
    if is_new:
        await audit_log.record(
            session,
            actor=row.id,
            action="operator.signed_in",
            subject=row.id,
            after={"prefix": token[:PREFIX_LENGTH]},
        )
    recently = col(OperatorToken.last_used_at) > func.now() - text("interval '1 minute'")
    await session.exec(
        update(OperatorToken)
        .where(col(OperatorToken.digest) == digest, func.coalesce(recently, False).is_(False))
        .values(last_used_at=func.now())
    )
    return Operator(id=row.id, name=row.name, role=Role(row.role))
