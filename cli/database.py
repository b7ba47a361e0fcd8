"""`smartpay db`: the database's schema."""

from pathlib import Path
from typing import Final

import typer
from alembic import command as alembic
from alembic.config import Config

_SETTINGS: Final = Path(__file__).resolve().parent.parent / "alembic.ini"

db_app = typer.Typer(help="The database.", no_args_is_help=True)


@db_app.command("upgrade")
def upgrade() -> None:
    """Bring the database to the schema of this version."""
    alembic.upgrade(Config(_SETTINGS), "head")
