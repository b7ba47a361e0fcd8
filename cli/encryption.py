"""`smartpay encryption`: the keys that seal histories and personal data."""

import json
import re
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import actor
from cli.running import AsJson, fail, run
from config.keys import new_key
from config.settings import Settings
from storage import audit_log, rotation
from storage.vault import vault_of

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


@encryption_app.command("usage")
def show_usage(as_json: AsJson = False) -> None:
    """Say how many rows of the database each key seals. A key that seals none has no use there any more."""
    rows = run(rotation.uses)
    if as_json:
        sys.stdout.write(json.dumps([row._asdict() for row in rows]) + "\n")
        return
    table = Table("table", "key", "rows")
    for row in rows:
        table.add_row(row.table, row.key, str(row.rows))
    Console().print(table)


@encryption_app.command("rotate")
def rotate(
    batch: Annotated[
        int, typer.Option(min=1, max=10_000, help="Rows of each table in one transaction.")
    ] = 500,
) -> None:
    """Seal what older keys seal in the database anew, under the first key, while everything runs."""
    done = 0
    while count := run(lambda session: rotation.rotate(session, limit=batch)):
        done += count
        sys.stderr.write(f"{done} rows\n")

    async def note(session: AsyncSession) -> None:
        names = vault_of(session).keys.names
        await audit_log.record(
            session,
            actor=actor(),
            action="keys.rotated",
            subject="encryption",
            after={"sealing": names[0], "rows": done},
        )

    if done:
        run(note)
    sys.stdout.write(f"{done} rows sealed anew\n")
