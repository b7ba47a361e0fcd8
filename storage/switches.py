"""What operators have frozen. Read in the transaction that would act, never remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.switches import EVERYTHING, Switch, subject_of
from storage import alerts, audit_log
from storage.tables import FrozenSwitch

ALERT = "switch.frozen"


_AROUND: Final = select(FrozenSwitch.kind, FrozenSwitch.account).where(
    or_(col(FrozenSwitch.account) == bindparam("everything"), col(FrozenSwitch.account) == bindparam("here"))
)
_BY_NAME: Final = select(FrozenSwitch.account).where(
    col(FrozenSwitch.kind) == bindparam("of_kind"), col(FrozenSwitch.account) != bindparam("everything")
)


@dataclass(frozen=True)
class Freezes:
    """What is frozen around one account."""

    everywhere: frozenset[Switch]
    here: frozenset[Switch]
    """For this account alone."""

    def __contains__(self, switch: Switch) -> bool:
        return switch in self.everywhere or switch in self.here


async def around(session: AsyncSession, account: str = EVERYTHING) -> Freezes:
    """What is frozen for everything and for `account`, now."""
    rows = await session.exec(_AROUND, params={"everything": EVERYTHING, "here": account})
    found = rows.all()
    return Freezes(
        everywhere=frozenset(Switch(kind) for kind, where in found if where == EVERYTHING),
        here=frozenset(Switch(kind) for kind, where in found if where != EVERYTHING),
    )


async def frozen_accounts(session: AsyncSession, switch: Switch) -> frozenset[str]:
    """The accounts that are frozen by name."""
    rows = await session.exec(_BY_NAME, params={"of_kind": switch, "everything": EVERYTHING})
    return frozenset(rows)


async def every(session: AsyncSession) -> Sequence[FrozenSwitch]:
    """Everything that is frozen now, by kind and account."""
    rows = await session.exec(
        select(FrozenSwitch).order_by(col(FrozenSwitch.kind), col(FrozenSwitch.account))
    )
    return rows.all()


async def freeze(
    session: AsyncSession, switch: Switch, account: str, *, actor: str, reason: str
) -> FrozenSwitch:
    """Freeze, record who and why, and raise an alert. What is frozen already gets the new reason."""
    before = await _state(session, switch, account)
    values = {"reason": reason, "actor": actor}
    await session.exec(
        insert(FrozenSwitch)
        .values(kind=switch, account=account, **values)
        .on_conflict_do_update(index_elements=["kind", "account"], set_=values)
    )
    await _record(session, switch, account, "switch.frozen", before, actor, reason)
    subject = subject_of(switch, account)
    await alerts.raise_anew(session, ALERT, subject, f"{subject} is frozen: {reason}")
    after = await _get(session, switch, account)
    assert after is not None  # noqa: S101  # written just now
    return after


async def thaw(session: AsyncSession, switch: Switch, account: str, *, actor: str, reason: str) -> bool:
    """Let go again; False where it was not frozen. Its alert is over."""
    before = await _state(session, switch, account)
    result = await session.exec(
        delete(FrozenSwitch).where(col(FrozenSwitch.kind) == switch, col(FrozenSwitch.account) == account)
    )
    if result.rowcount != 1:
        return False
    await _record(session, switch, account, "switch.thawed", before, actor, reason)
    await alerts.acknowledge(session, ALERT, subject_of(switch, account))
    return True


async def _get(session: AsyncSession, switch: Switch, account: str) -> FrozenSwitch | None:
    query = select(FrozenSwitch).where(col(FrozenSwitch.kind) == switch, col(FrozenSwitch.account) == account)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def _record(
    session: AsyncSession,
    switch: Switch,
    account: str,
    action: str,
    before: dict[str, object],
    actor: str,
    reason: str,
) -> None:
    await audit_log.record(
        session,
        actor=actor,
        action=action,
        subject=subject_of(switch, account),
        before=before,
        after=await _state(session, switch, account),
        reason=reason,
    )


async def _state(session: AsyncSession, switch: Switch, account: str) -> dict[str, object]:
    row = await _get(session, switch, account)
    if row is None:
        return {"frozen": False}
    return {"frozen": True, "reason": row.reason, "actor": row.actor}
