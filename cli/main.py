"""`smartpay`: what an operator does from a shell. Reads the same environment as the API and the worker."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from alembic import command as alembic
from alembic.config import Config
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from cli import reviews, switches
from cli.accounts import accounts_app
from cli.encryption import encryption_app
from cli.notifications import notifications_app
from cli.operators import operators_app
from cli.reconcile import reconcile
from cli.routing import routing_app
from cli.running import AsJson, fail, run, show
from config.settings import Settings
from gateways.registry import BadAccounts, load_accounts
from routing.country_map import BadCountryMap, load_country_map
from storage import merchants as queries

ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(help="Operate a smartpay installation.", no_args_is_help=True)
merchants_app = typer.Typer(help="Merchants: the applications that create checkouts.", no_args_is_help=True)
keys_app = typer.Typer(help="Merchants' API keys.", no_args_is_help=True)
db_app = typer.Typer(help="The database.", no_args_is_help=True)
countries_app = typer.Typer(help="The map from countries to gateways.", no_args_is_help=True)
app.add_typer(merchants_app, name="merchants")
app.add_typer(keys_app, name="keys")
app.add_typer(db_app, name="db")
app.add_typer(countries_app, name="countries")
app.add_typer(notifications_app, name="notifications")
app.add_typer(operators_app, name="operators")
app.add_typer(accounts_app, name="accounts")
app.add_typer(routing_app, name="routing")
switches.add_to(app)
reviews.add_to(app)
app.command("reconcile")(reconcile)
app.add_typer(encryption_app, name="encryption")


@merchants_app.command("create")
def create_merchant(
    name: Annotated[str, typer.Argument(help="A name for people, unique.")], as_json: AsJson = False
) -> None:
    """Create a merchant and its first API key. The key is shown this once."""

    async def work(session: AsyncSession) -> tuple[str, str]:
        merchant = await queries.create_merchant(session, name)
        return merchant.id, await queries.issue_key(session, merchant.id)

    try:
        merchant_id, key = run(work)
    except IntegrityError:
        fail(f"A merchant named {name!r} exists. `smartpay keys issue` gives it another key.")
    show({"merchant_id": merchant_id, "api_key": key}, as_json)


@merchants_app.command("list")
def list_merchants() -> None:
    """List the merchants and how many live keys each has."""
    table = Table("merchant", "name", "live keys", "created")
    for merchant, keys in run(queries.list_merchants):
        table.add_row(merchant.id, merchant.name, str(keys), f"{merchant.created_at:%Y-%m-%d %H:%M} UTC")
    Console().print(table)


@keys_app.command("issue")
def issue_key(
    merchant: Annotated[str, typer.Argument(help="Its id or name.")], as_json: AsJson = False
) -> None:
    """Give a merchant another API key. The old ones stay valid until they are revoked."""

    async def work(session: AsyncSession) -> tuple[str, str] | None:
        found = await queries.find_merchant(session, merchant)
        return None if found is None else (found.id, await queries.issue_key(session, found.id))

    issued = run(work)
    if issued is None:
        fail(f"There is no merchant {merchant!r}.")
    show({"merchant_id": issued[0], "api_key": issued[1]}, as_json)


@keys_app.command("revoke")
def revoke_keys(
    merchant: Annotated[str, typer.Argument(help="Its id or name.")],
    prefix: Annotated[str | None, typer.Option(help="Only the key that begins so (9 characters).")] = None,
) -> None:
    """Revoke a merchant's keys, at once."""

    async def work(session: AsyncSession) -> int | None:
        found = await queries.find_merchant(session, merchant)
        return None if found is None else await queries.revoke_keys(session, found.id, prefix)

    count = run(work)
    if count is None:
        fail(f"There is no merchant {merchant!r}.")
    sys.stdout.write(f"{count} revoked\n")


@db_app.command("upgrade")
def upgrade() -> None:
    """Bring the database to the schema of this version."""
    alembic.upgrade(Config(ROOT / "alembic.ini"), "head")


@countries_app.command("check")
def check_countries(
    file: Annotated[Path | None, typer.Argument(help="The file; the configured one if left out.")] = None,
) -> None:
    """Say whether the country map is valid for the configured accounts, and if not, where and why."""
    try:
        country_map = load_country_map(file or Settings().countries_file, load_accounts(os.environ).known)
    except (BadCountryMap, BadAccounts) as error:
        fail(str(error))
    sys.stdout.write(f"{len(country_map.countries)} countries, DEFAULT: {', '.join(country_map.default)}\n")


if __name__ == "__main__":
    app()
