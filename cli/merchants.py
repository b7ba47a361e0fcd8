"""`smartpay merchants`: the applications that create checkouts, and where their customers may return to."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from api.addresses import RefusedAddress, return_origin
from cli.acting import Why, actor, reason_of, said
from cli.running import AsJson, fail, run, show
from config.settings import Settings
from storage import api_keys
from storage import merchants as queries

LONGEST_NAME = 100

merchants_app = typer.Typer(help="Merchants: the applications that create checkouts.", no_args_is_help=True)


@merchants_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="A name for people, unique.")],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Where its customers may return to, like https://shop.example; may be repeated."),
    ] = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Create a merchant and its first API key, which may do everything. The key is shown this once."""
    known_as, why, listed = said(name, "name", longest=LONGEST_NAME), reason_of(reason), _checked(origin)

    async def work(session: AsyncSession) -> tuple[str, str]:
        merchant = await queries.create_merchant(session, known_as, actor=actor(), reason=why)
        if listed:
            await queries.change_origins(
                session, merchant.id, add=listed, remove=(), actor=actor(), reason=why
            )
        return merchant.id, await api_keys.issue(session, merchant.id, actor=actor(), reason=why)

    try:
        merchant_id, key = run(work)
    except IntegrityError:
        fail(f"A merchant named {known_as!r} exists. `smartpay keys issue` gives it another key.")
    show({"merchant_id": merchant_id, "api_key": key}, as_json)


@merchants_app.command("list")
def list_merchants() -> None:
    """List the merchants and how many live keys each has."""
    table = Table("merchant", "name", "live keys", "created")
    for merchant, keys in run(queries.list_merchants):
        table.add_row(merchant.id, merchant.name, str(keys), f"{merchant.created_at:%Y-%m-%d %H:%M} UTC")
    Console().print(table)


@merchants_app.command("origins")
def origins(
    merchant: Annotated[str, typer.Argument(help="Its id or name.")],
    add: Annotated[
        list[str] | None, typer.Option(help="One more, like https://shop.example; may be repeated.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(help="One that goes; may be repeated.")] = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Show or change the origins that `return_url` may name. Each is a scheme, a host and maybe a port:
    subdomains do not count as their parent."""
    why, more, less = reason_of(reason), _checked(add), _checked(remove)

    async def work(session: AsyncSession) -> Sequence[str] | None:
        found = await queries.find_merchant(session, merchant)
        if found is None:
            return None
        return await queries.change_origins(
            session, found.id, add=more, remove=less, actor=actor(), reason=why
        )

    listed = run(work)
    if listed is None:
        fail(f"There is no merchant {merchant!r}.")
    if as_json:
        sys.stdout.write(json.dumps({"origins": list(listed)}) + "\n")
        return
    sys.stdout.write("".join(f"{origin}\n" for origin in listed))
    if not listed:
        required = Settings().return_origins_required
        sys.stderr.write("No origins: a return_url is " + ("refused.\n" if required else "not limited.\n"))


def _checked(given: Sequence[str] | None) -> list[str]:
    """In their normal form. Ends the command where one is none."""
    loopback = Settings().allow_loopback if given else False
    try:
        return [return_origin(text, allow_loopback=loopback) for text in given or ()]
    except RefusedAddress as error:
        fail(f"An origin {error}, like https://shop.example or https://shop.example:8443.")
