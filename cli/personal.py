"""`smartpay personal`: what is kept of a person, and its end."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import Why, actor, reason_of
from cli.running import AsJson, fail, run
from storage import merchants, personal
from storage.tables import Checkout

personal_app = typer.Typer(help="Personal data of merchants' customers.", no_args_is_help=True)

AtMerchant = Annotated[str, typer.Option("--merchant", help="The merchant's id or name.")]
Email = Annotated[str, typer.Option("--email", help="The customer's e-mail address.")]


@personal_app.command("find")
def find(merchant: AtMerchant, email: Email, as_json: AsJson = False) -> None:
    """List a customer's checkouts, found by a keyed hash of the address."""

    async def work(session: AsyncSession) -> Sequence[Checkout] | None:
        found = await merchants.find_merchant(session, merchant)
        return None if found is None else await personal.checkouts_of(session, found.id, email)

    rows = run(work)
    if rows is None:
        fail(f"There is no merchant {merchant!r}.")
    if as_json:
        shown = {"id", "reference", "status", "amount", "currency", "created_at"}
        sys.stdout.write(json.dumps([row.model_dump(mode="json", include=shown) for row in rows]) + "\n")
        return
    table = Table("checkout", "reference", "status", "amount", "created")
    for row in rows:
        money = f"{row.amount} {row.currency}"
        table.add_row(row.id, row.reference or "", row.status, money, f"{row.created_at:%Y-%m-%d %H:%M} UTC")
    Console().print(table)


@personal_app.command("erase")
def erase(merchant: AtMerchant, email: Email, reason: Why = None) -> None:
    """Erase a customer: delete the keys of their personal data. Checkouts stay, without it, for good."""
    why = reason_of(reason)

    async def work(session: AsyncSession) -> int | None:
        found = await merchants.find_merchant(session, merchant)
        if found is None:
            return None
        return await personal.erase(session, found.id, email, actor=actor(), reason=why)

    try:
        count = run(work)
    except personal.StillOpen as error:
        fail(f"Nothing was erased: checkouts are still under way ({error}). Try again when they are over.")
    if count is None:
        fail(f"There is no merchant {merchant!r}.")
    sys.stdout.write(f"erased from {count} checkouts\n")
