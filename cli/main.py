"""`smartpay`: what an operator does from a shell. Reads the same environment as the API and the worker."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from alembic import command as alembic
from alembic.config import Config

from cli import reviews, switches
from cli.accounts import accounts_app
from cli.audit import audit_app
from cli.encryption import encryption_app
from cli.keys import keys_app
from cli.lists import lists_app
from cli.merchants import merchants_app
from cli.notifications import notifications_app
from cli.operators import operators_app
from cli.personal import personal_app
from cli.reconcile import reconcile
from cli.replay import replay_command
from cli.routing import routing_app
from cli.running import fail
from cli.screening import screening_app
from config.settings import Settings
from gateways.registry import BadAccounts, load_accounts
from routing.country_map import BadCountryMap, load_country_map

ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(help="Operate a smartpay installation.", no_args_is_help=True)
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
app.command("replay")(replay_command)
app.add_typer(encryption_app, name="encryption")
app.add_typer(lists_app, name="lists")
app.add_typer(screening_app, name="screening")
app.add_typer(audit_app, name="audit")
app.add_typer(personal_app, name="personal")


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
