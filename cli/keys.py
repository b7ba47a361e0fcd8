"""`smartpay keys`: merchants' API keys."""

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import Why, actor, reason_of
from cli.durations import seconds
from cli.running import AsJson, fail, run, show
from domain.api_key import KeyScope
from storage import api_keys as queries
from storage import merchants
from storage.tables import ApiKey, Merchant

LONGEST_OVERLAP = 90 * 86400.0

keys_app = typer.Typer(help="Merchants' API keys.", no_args_is_help=True)

Whose = Annotated[str, typer.Argument(help="The merchant's id or name.")]
OnlyOne = Annotated[
    str | None, typer.Option(help=f"Only the key that begins so ({queries.PREFIX_LENGTH} characters).")
]
Scopes = Annotated[
    list[KeyScope] | None,
    typer.Option("--scope", help="What it may do; may be repeated. Everything if left out."),
]

_T = TypeVar("_T")


class Unclear(Exception):
    """Which keys are meant, or what the new one may do. The text is for the operator."""


def _run_on(merchant: str, work: Callable[[AsyncSession, Merchant], Awaitable[_T]]) -> _T:
    """Run `work` on a merchant. Ends the command where there is none, or it is unclear what is meant."""

    async def found(session: AsyncSession) -> _T | None:
        row = await merchants.find_merchant(session, merchant)
        return None if row is None else await work(session, row)

    try:
        result = run(found)
    except Unclear as error:
        fail(str(error))
    if result is None:
        fail(f"There is no merchant {merchant!r}.")
    return result


@keys_app.command("issue")
def issue(merchant: Whose, scope: Scopes = None, reason: Why = None, as_json: AsJson = False) -> None:
    """Give a merchant another API key. The old ones stay valid until they are revoked."""
    why = reason_of(reason)

    async def work(session: AsyncSession, row: Merchant) -> tuple[str, str]:
        key = await queries.issue(session, row.id, scopes=scope or None, actor=actor(), reason=why)
        return row.id, key

    merchant_id, key = _run_on(merchant, work)
    show({"merchant_id": merchant_id, "api_key": key}, as_json)


@keys_app.command("rotate")
def rotate(
    merchant: Whose,
    overlap: Annotated[
        str, typer.Option(help="How long the old ones go on: 90s, 30m, 24h or 7d; 0s ends them now.")
    ] = "24h",
    prefix: OnlyOne = None,
    scope: Annotated[
        list[KeyScope] | None,
        typer.Option("--scope", help="What the new one may do; what the old ones may, if left out."),
    ] = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Give a merchant a new API key in place of its live ones, which end after the overlap."""
    why, patience = reason_of(reason), seconds(overlap, "overlap", most=LONGEST_OVERLAP)

    async def work(session: AsyncSession, row: Merchant) -> tuple[str, str, int]:
        replaced = await queries.live(session, row.id, prefix)
        if not replaced:
            raise Unclear("There is no such live key. `smartpay keys issue` makes one.")
        key = await queries.rotate(
            session,
            row.id,
            replaced=replaced,
            scopes=scope or _scopes_of(replaced),
            overlap=patience,
            actor=actor(),
            reason=why,
        )
        return row.id, key, len(replaced)

    merchant_id, key, count = _run_on(merchant, work)
    show({"merchant_id": merchant_id, "api_key": key}, as_json)
    sys.stderr.write(f"{count} old {'key ends' if count == 1 else 'keys end'} in {overlap.strip()}.\n")


@keys_app.command("list")
def list_keys(merchant: Whose, as_json: AsJson = False) -> None:
    """List a merchant's keys: what each may do, when it was last used, and whether it still opens."""

    async def work(session: AsyncSession, row: Merchant) -> Sequence[ApiKey]:
        return await queries.every(session, row.id)

    rows = _run_on(merchant, work)
    if as_json:
        shown = [row.model_dump(mode="json", exclude={"digest"}) for row in rows]
        sys.stdout.write(json.dumps(shown) + "\n")
        return
    table = Table("key", "may", "state", "last used", "created")
    for row in rows:
        may = "everything" if row.scopes is None else " ".join(row.scopes)
        table.add_row(f"{row.prefix}...", may, _state(row), _shown(row.last_used_at), _shown(row.created_at))
    Console().print(table)


@keys_app.command("revoke")
def revoke(merchant: Whose, prefix: OnlyOne = None, reason: Why = None) -> None:
    """Revoke a merchant's keys, at once."""
    why = reason_of(reason)

    async def work(session: AsyncSession, row: Merchant) -> int:
        return await queries.revoke(session, row.id, prefix, actor=actor(), reason=why)

    sys.stdout.write(f"{_run_on(merchant, work)} revoked\n")


def _scopes_of(keys: Sequence[ApiKey]) -> list[KeyScope] | None:
    """What all of them may. Raises Unclear: a new key must not quietly get more than one of them had."""
    first = keys[0].scopes
    if any(key.scopes != first for key in keys):
        raise Unclear(
            "Its keys may do different things: name one of them (--prefix), or the scopes (--scope)."
        )
    return None if first is None else [KeyScope(scope) for scope in first]


def _state(row: ApiKey) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is None:
        return "live"
    return f"{'ended' if row.expires_at <= datetime.now(UTC) else 'ends'} {_shown(row.expires_at)}"


def _shown(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
