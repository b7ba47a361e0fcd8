"""Queries about accounts' health: circuits, changed by compare-and-set, and what operators say.

Time is the database's clock throughout: all processes share it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.circuit import Circuit, CircuitRules, CircuitState, Mode, Sample
from storage import alerts, audit_log
from storage.tables import AccountCircuit, AccountMode

CHANNEL = "account_health"
"""Notified with the account whenever a circuit changes its state, or an operator an account's mode."""

ALERT_KIND = "account.circuit_open"

_TRIES = 20
"""Of a compare-and-set. Each that fails means that another process has written, so all of them get on."""

_FIELDS = tuple(Circuit.__dataclass_fields__)


class Known(NamedTuple):
    """Everything about the accounts' health, as of `at`."""

    circuits: Mapping[tuple[str, str], Circuit]
    opens: Mapping[tuple[str, str], int]
    modes: Mapping[str, AccountMode]
    at: datetime


class Busy(Exception):
    """A circuit's row was changed by others again and again: nothing was written."""


async def read(session: AsyncSession) -> Known:
    rows = (await session.exec(select(AccountCircuit))).all()
    modes = (await session.exec(select(AccountMode))).all()
    at = (await session.exec(select(func.clock_timestamp()))).one()
    return Known(
        circuits={(row.account, row.method): _circuit(row) for row in rows},
        opens={(row.account, row.method): row.opens for row in rows},
        modes={row.account: row for row in modes},
        at=at,
    )


async def count(
    session: AsyncSession, account: str, method: str, samples: Sequence[Sample], rules: CircuitRules
) -> Circuit:
    """Count these calls, open or close the circuit, and tell everybody. Raises Busy."""
    for _ in range(_TRIES):
        row, now = await _row(session, account, method)
        before = _circuit(row)
        after = before.counted(samples, now, rules)
        if after == before:
            return before
        if await _write(session, row, after):
            if after.state is not before.state:
                await _tell(session, row, after)
            return after
    raise Busy(f"{account} {method}")


async def claim_probe(session: AsyncSession, account: str, method: str, rules: CircuitRules) -> bool:
    """Claim that this checkout finds out whether the account works again; False: another one has, or it is
    not time. Holds the circuit's row until the transaction ends."""
    row, now = await _row(session, account, method)
    circuit = _circuit(row)
    if not circuit.may_probe(now, rules):
        return False
    claimed = await _write(session, row, circuit.probing(now))
    if claimed:
        await _notify(session, account)
    return claimed


async def set_mode(session: AsyncSession, account: str, mode: Mode, *, actor: str, reason: str) -> None:
    """What an operator says of an account, recorded with who and why."""
    before = await session.get(AccountMode, account)
    was = Mode.AUTO if before is None else Mode(before.mode)
    await session.exec(
        insert(AccountMode)
        .values(account=account, mode=mode, reason=reason, actor=actor, since=func.now())
        .on_conflict_do_update(
            index_elements=["account"],
            set_={"mode": mode, "reason": reason, "actor": actor, "since": func.now()},
        )
    )
    await audit_log.record(
        session,
        actor=actor,
        action="account.mode",
        subject=account,
        before={"mode": was},
        after={"mode": mode},
        reason=reason,
    )
    await _notify(session, account)


async def _row(session: AsyncSession, account: str, method: str) -> tuple[AccountCircuit, datetime]:
    """The row as it is now (made where there is none), and the time."""
    query = (
        select(AccountCircuit, func.clock_timestamp())
        .where(col(AccountCircuit.account) == account, col(AccountCircuit.method) == method)
        .execution_options(populate_existing=True)
    )
    found = (await session.exec(query)).first()
    if found is None:
        fresh = AccountCircuit(account=account, method=method, state=CircuitState.CLOSED)
        await session.exec(insert(AccountCircuit).values(**fresh.model_dump()).on_conflict_do_nothing())
        found = (await session.exec(query)).one()
    row, now = found
    return row, now


async def _write(session: AsyncSession, row: AccountCircuit, circuit: Circuit) -> bool:
    opened = circuit.state is CircuitState.OPEN and row.state != CircuitState.OPEN
    result = await session.exec(
        update(AccountCircuit)
        .where(
            col(AccountCircuit.account) == row.account,
            col(AccountCircuit.method) == row.method,
            col(AccountCircuit.version) == row.version,
        )
        .values(**asdict(circuit), version=row.version + 1, opens=row.opens + int(opened))
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount == 1)


async def _tell(session: AsyncSession, row: AccountCircuit, circuit: Circuit) -> None:
    """The state has changed: every process is woken; opening raises the alert again, closing settles it."""
    await _notify(session, row.account)
    subject = f"{row.account}/{row.method}"
    match circuit.state:
        case CircuitState.OPEN:
            message = f"{row.account} fails for {row.method}: {circuit.last_failure or 'no answer'}"
            await alerts.raise_anew(session, ALERT_KIND, subject, message)
        case CircuitState.CLOSED:
            await alerts.acknowledge(session, ALERT_KIND, subject)
        case CircuitState.HALF_OPEN:
            pass


async def _notify(session: AsyncSession, account: str) -> None:
    await session.exec(select(func.pg_notify(CHANNEL, account)))


def _circuit(row: AccountCircuit) -> Circuit:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Circuit(**values | {"state": CircuitState(row.state)})
