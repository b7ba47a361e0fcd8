"""`smartpay lists`: what is always refused, and what is never stopped."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import LONGEST_REASON, actor, said
from cli.running import AsJson, fail, run
from domain.screening import ListEffect, ListKind
from screening.lists import BadListEntry, written
from storage import lists as queries
from storage.lists import Entry

MOST_SHOWN = 1000

lists_app = typer.Typer(help="What screening always refuses, or never stops.", no_args_is_help=True)

Kind = Annotated[ListKind, typer.Argument(help="What the value is.")]
Value = Annotated[
    str, typer.Argument(help="A BIN, an address or range, an e-mail address, a domain, a country.")
]
Because = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


@lists_app.command("add")
def add(
    effect: Annotated[ListEffect, typer.Argument(help="block: always refused. allow: never stopped.")],
    kind: Kind,
    value: Value,
    reason: Because,
) -> None:
    """Block or allow something, for checkouts that are not planned yet."""
    why, what = said(reason, "reason", longest=LONGEST_REASON), _written(kind, value)

    async def work(session: AsyncSession) -> Entry:
        return await queries.add(session, effect, kind, what, actor=actor(), reason=why)

    row = run(work)
    sys.stdout.write(f"{row.id}: {row.effect} {row.kind} {row.value}\n")


@lists_app.command("remove")
def remove(kind: Kind, value: Value, reason: Because) -> None:
    """Take something off the lists."""
    why, what = said(reason, "reason", longest=LONGEST_REASON), _written(kind, value)

    async def work(session: AsyncSession) -> Entry | None:
        row = await queries.find(session, kind, what)
        return None if row is None else await queries.remove(session, row.id, actor=actor(), reason=why)

    row = run(work)
    if row is None:
        fail(f"{kind} {what} is on no list. `smartpay lists show` lists what is.")
    sys.stdout.write(f"{row.kind} {row.value} is off the list\n")


@lists_app.command("show")
def show(
    kind: Annotated[ListKind | None, typer.Option(help="Only those of this kind.")] = None,
    effect: Annotated[ListEffect | None, typer.Option(help="Only those with this effect.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is blocked and allowed, newest first; the newest thousand."""

    async def work(session: AsyncSession) -> Sequence[Entry]:
        return await queries.page(session, limit=MOST_SHOWN, kind=kind, effect=effect)

    rows = run(work)
    if as_json:
        sys.stdout.write(json.dumps([row.model_dump(mode="json") for row in rows]) + "\n")
        return
    if not rows:
        sys.stdout.write("the lists are empty\n")
        return
    table = Table("effect", "kind", "value", "since", "by", "reason")
    for row in rows:
        since = f"{row.created_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(row.effect, row.kind, row.value, since, row.actor, row.reason)
    Console().print(table)


def _written(kind: ListKind, value: str) -> str:
    try:
        return written(kind, value)
    except BadListEntry as error:
        fail(f"The value {error}.")
