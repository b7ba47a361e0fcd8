"""`smartpay freeze`, `unfreeze` and `switches`: stop a kind of sending, at once, and let it go on."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import LONGEST_REASON, actor, said
from cli.running import AsJson, fail, run
from domain.switches import EVERYTHING, Switch, subject_of
from gateways.registry import BadAccounts, load_accounts
from storage import switches as queries
from storage.tables import FrozenSwitch

Kind = Annotated[Switch, typer.Argument(help="What to stop.")]
One = Annotated[str | None, typer.Option(help="Only at this account; everything if left out.")]
Because = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


def freeze(kind: Kind, reason: Because, account: One = None) -> None:
    """Stop charges, failover, refunds or compensation. What was sent is looked up and settled."""
    why = said(reason, "reason", longest=LONGEST_REASON)
    where = account or EVERYTHING
    if where:
        _check(where)

    async def work(session: AsyncSession) -> FrozenSwitch:
        return await queries.freeze(session, kind, where, actor=actor(), reason=why)

    run(work)
    sys.stdout.write(f"{subject_of(kind, where)} is frozen\n")


def unfreeze(kind: Kind, reason: Because, account: One = None) -> None:
    """Let go on what `freeze` has stopped."""
    why = said(reason, "reason", longest=LONGEST_REASON)
    where = account or EVERYTHING

    async def work(session: AsyncSession) -> bool:
        return await queries.thaw(session, kind, where, actor=actor(), reason=why)

    if not run(work):
        fail(f"{subject_of(kind, where)} is not frozen. `smartpay switches` lists what is.")
    sys.stdout.write(f"{subject_of(kind, where)} goes on\n")


def list_switches(as_json: AsJson = False) -> None:
    """List what is frozen, why, since when and by whom."""

    async def work(session: AsyncSession) -> Sequence[FrozenSwitch]:
        return await queries.every(session)

    rows = run(work)
    if as_json:
        sys.stdout.write(json.dumps([row.model_dump(mode="json") for row in rows]) + "\n")
        return
    if not rows:
        sys.stdout.write("nothing is frozen\n")
        return
    table = Table("frozen", "account", "since", "by", "reason")
    for row in rows:
        table.add_row(
            row.kind, row.account or "all", f"{row.since:%Y-%m-%d %H:%M} UTC", row.actor, row.reason
        )
    Console().print(table)


def _check(account: str) -> None:
    """A typo must not look like a freeze."""
    try:
        known = load_accounts(os.environ).known
    except BadAccounts as error:
        fail(str(error))
    if account not in known:
        names = ", ".join(sorted(known)) or "none"
        fail(f"There is no account {account!r} in this environment; configured: {names}.")
