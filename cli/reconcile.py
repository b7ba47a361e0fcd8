"""`smartpay reconcile`: compare the gateways' books with ours now, and show what does not agree."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from os import environ
from typing import Annotated, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from cli.running import AsJson, fail, run
from config.settings import Settings
from config.temporal import connect
from domain.ids import Prefix
from domain.money import UnknownCurrency, to_major
from domain.reconciliation import BREAKS, ReconciliationStatus, Verdict
from gateways.registry import BadAccounts, load_accounts
from storage import reconciliations
from storage.database import Database
from storage.tables import Reconciliation, ReconciliationBreak
from workflows.messages import ReconcileInput, ReconcileResult
from workflows.reconciliation import Reconcile, reconcile_id

BREAKS_FOUND: Final = 3
"""Exit code: the books were compared, and do not agree."""
_LOOK_EVERY = 0.5


class _Outcome(NamedTuple):
    run: Reconciliation
    breaks: Sequence[ReconciliationBreak]


def reconcile(
    account: Annotated[str | None, typer.Option(help="Only this account; every one if left out.")] = None,
    day: Annotated[
        str | None, typer.Option(help="A day in UTC, as 2026-01-31; yesterday if left out.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="From this moment (ISO 8601, UTC) instead of a day.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="To just before this moment; now if left out.")] = None,
    last: Annotated[bool, typer.Option("--list", help="List the last runs instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the payments in the gateways' own books with ours. Moves no money.

    Exit code 0: they agree; 3: there are breaks; 1: it could not be done.
    """
    if last:
        _list_runs(account, as_json=as_json)
        return
    begin, end, name = _window(day, since, until)
    accounts = _accounts(account)
    outcomes = asyncio.run(_reconcile(accounts, begin, end, name))
    if as_json:
        sys.stdout.write(json.dumps([_as_json(each) for each in outcomes]) + "\n")
    else:
        _show(outcomes)
    if any(each.run.status != ReconciliationStatus.COMPLETED for each in outcomes):
        raise typer.Exit(1)
    if any(_broken(each.run) for each in outcomes):
        raise typer.Exit(BREAKS_FOUND)


def _window(day: str | None, since: str | None, until: str | None) -> tuple[datetime, datetime, str]:
    """Begin, end, and the window's name in the run's id."""
    if day is not None and (since is not None or until is not None):
        fail("Give either --day or --since and --until.")
    if since is None and until is not None:
        fail("--until needs --since.")
    try:
        if since is not None:
            begin = _moment(since)
            end = datetime.now(UTC).replace(microsecond=0) if until is None else _moment(until)
            name = f"{begin:%Y-%m-%dT%H:%M:%SZ}..{end:%Y-%m-%dT%H:%M:%SZ}"
        else:
            begin = _moment(day) if day is not None else _midnight() - timedelta(days=1)
            end = begin + timedelta(days=1)
            name = f"{begin:%Y-%m-%d}"
    except ValueError:
        fail("That is no date or time. Write 2026-01-31, or 2026-01-31T12:00:00.")
    if begin >= end:
        fail("The window ends before it begins.")
    return begin, end, name


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _accounts(account: str | None) -> Sequence[str]:
    try:
        known = load_accounts(environ).known
    except BadAccounts as error:
        fail(str(error))
    usable = sorted(name for name, each in known.items() if each.has_credentials)
    if account is None:
        return usable or fail("No account has credentials.")
    if account not in usable:
        fail(f"There is no account {account!r} with credentials. There are: {', '.join(usable) or 'none'}.")
    return [account]


async def _reconcile(
    accounts: Sequence[str], begin: datetime, end: datetime, name: str
) -> Sequence[_Outcome]:
    settings = Settings()
    try:
        temporal = await connect(settings)
    except RuntimeError:
        fail(f"Temporal cannot be reached at {settings.temporal_address}. Check TEMPORAL_ADDRESS.")
    database = Database(settings.sqlalchemy_url, pool_size=1, keys=settings.keys, program="smartpay cli")
    try:
        return [
            await _one(
                temporal, settings, database, ReconcileInput(account=each, since=begin, until=end), name
            )
            for each in accounts
        ]
    except RPCError as error:
        fail(f"Temporal refused: {error.message}")
    except OSError as error:
        fail(f"The database cannot be reached: {error.strerror or type(error).__name__}. Check DATABASE_URL.")
    finally:
        await database.aclose()


async def _one(
    temporal: Client, settings: Settings, database: Database, task: ReconcileInput, name: str
) -> _Outcome:
    """Start the run, or join the one of the same window that is under way, and follow it to its end."""
    handle = await temporal.start_workflow(
        Reconcile.run,
        task,
        id=reconcile_id(task.account, name),
        task_queue=settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=f"{task.account}, {name}",
    )
    result = await _follow(database, handle, task.account)
    async with database.transaction() as session:
        row = await reconciliations.get(session, result.reconciliation_id)
        if row is None:
            fail("The reconciliation has left no trace: is DATABASE_URL the workers' database?")
        return _Outcome(row, await reconciliations.breaks_of(session, row))


async def _follow(
    database: Database, handle: WorkflowHandle[Reconcile, ReconcileResult], account: str
) -> ReconcileResult:
    """Wait for the run, telling how far it is. On a terminal one line counts up; in a file there is none."""
    run_id = f"{Prefix.RECONCILIATION}_{handle.result_run_id}"
    began = time.monotonic()
    waiting = asyncio.create_task(handle.result())
    quiet = Console(stderr=True)
    with quiet.status(f"{account}: starting") as line:
        while not waiting.done():
            await asyncio.wait([waiting], timeout=_LOOK_EVERY)
            async with database.transaction() as session:
                row = await reconciliations.get(session, run_id)
            listed = 0 if row is None else row.listed
            hint = "" if row else "; is a worker running?"
            line.update(f"{account}: {listed} payments compared, {time.monotonic() - began:.0f} s{hint}")
    try:
        return await waiting
    except WorkflowFailureError as error:
        fail(f"{account}: the run has ended early: {error.cause}")


def _broken(run: Reconciliation) -> int:
    return sum(count for verdict, count in (run.counts or {}).items() if Verdict(verdict) in BREAKS)


def _show(outcomes: Sequence[_Outcome]) -> None:
    console = Console()
    table = Table("account", *(verdict.replace("_", " ") for verdict in Verdict), "result")
    for row, _ in outcomes:
        counts = row.counts or {}
        table.add_row(row.account, *(str(counts.get(verdict, 0)) for verdict in Verdict), _result(row))
    console.print(table)
    found = [each for outcome in outcomes for each in outcome.breaks]
    if found:
        table = Table("break", "account", "payment", "attempt", "ours", "theirs")
        for each in found:
            fields = f" ({', '.join(each.fields)})" if each.fields else ""
            table.add_row(
                f"{each.verdict.replace('_', ' ')}{fields}",
                each.account,
                each.payment_id or "",
                each.reference or "",
                _side(each.ours),
                _side(each.theirs),
                end_section=True,
            )
        console.print(table)


def _result(run: Reconciliation) -> str:
    if run.status != ReconciliationStatus.COMPLETED:
        return f"{run.status}: {run.detail or 'not ended'}" if run.status == "failed" else run.status
    broken = _broken(run)
    left = f", {run.unreadable} unreadable" if run.unreadable else ""
    return (f"{broken} breaks" if broken else "agrees") + left


def _side(values: dict[str, object] | None) -> str:
    """One side's figures, in major units."""
    if values is None:
        return "nothing known"
    if "currency" not in values:
        return "has money"
    currency = str(values["currency"])
    parts = [f"{values['status']} {_money(values['amount'], currency)}"]
    parts += [f"{name} {_money(values[name], currency)}" for name in ("captured", "refunded") if values[name]]
    return ", ".join(parts)


def _money(amount: object, currency: str) -> str:
    try:
        return f"{to_major(int(str(amount)), currency)} {currency}"
    except UnknownCurrency:
        return f"{amount} {currency}"


def _list_runs(account: str | None, *, as_json: bool) -> None:
    async def work(session: AsyncSession) -> Sequence[Reconciliation]:
        return await reconciliations.latest(session, limit=30, account=account)

    rows = run(work)
    if as_json:
        sys.stdout.write(json.dumps([row.model_dump(mode="json") for row in rows]) + "\n")
        return
    table = Table("started", "account", "window", "compared", "breaks", "result")
    for row in rows:
        window = f"{row.since:%Y-%m-%d %H:%M} to {row.until:%Y-%m-%d %H:%M}"
        started = f"{row.started_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(started, row.account, window, str(row.listed), str(_broken(row)), _result(row))
    Console().print(table)


def _as_json(outcome: _Outcome) -> dict[str, object]:
    return {
        **outcome.run.model_dump(mode="json"),
        "breaks": [each.model_dump(mode="json") for each in outcome.breaks],
    }
