"""`smartpay encryption`: the keys that seal histories and personal data."""

import re
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from cli.running import fail
from config.keys import new_key
from config.settings import Settings

encryption_app = typer.Typer(help="Encryption keys (ENCRYPTION_KEYS).", no_args_is_help=True)


@encryption_app.command("new-key")
def make_key(
    name: Annotated[str | None, typer.Argument(help="Its name; this month if left out.")] = None,
) -> None:
    """Print a fresh random key, `name:base64`, to put in front of ENCRYPTION_KEYS. It is stored nowhere."""
    chosen = name or f"{datetime.now(UTC):%Y-%m}"
    if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", chosen) is None:
        fail("A key's name is 1 to 64 letters, digits, '-', '_' or '.'.")
    sys.stdout.write(new_key(chosen) + "\n")


@encryption_app.command("check")
def check_keys() -> None:
    """Say which keys this environment has, by name, or what is wrong with them."""
    try:
        keys = Settings().keys
    except ValidationError as error:
        fail("; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors()))
    if keys is None:
        fail("No encryption keys are configured. Production does not start without.")
    table = Table("key", "use")
    for name in keys.names:
        table.add_row(name, "seals and opens" if name == keys.sealing else "opens")
    Console().print(table)
