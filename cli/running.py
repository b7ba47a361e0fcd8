"""What every command needs: one transaction, an answer, an error."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn, TypeVar

import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import BadKeys, CannotOpen
from config.settings import Settings
from storage.database import Database

_T = TypeVar("_T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def run(work: Callable[[AsyncSession], Awaitable[_T]]) -> _T:
    """Run `work` in one transaction."""

    async def main() -> _T:
        settings = Settings()
        database = Database(settings.sqlalchemy_url, pool_size=1, keys=settings.keys, program="smartpay cli")
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.aclose()

    try:
        return asyncio.run(main())
    except (BadKeys, CannotOpen) as error:
        fail(f"{error}.")
    except OSError as error:
        fail(f"The database cannot be reached: {error.strerror or type(error).__name__}. Check DATABASE_URL.")


def fail(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(1)


def show(values: dict[str, str], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(values) + "\n")
        return
    for name, value in values.items():
        sys.stdout.write(f"{name}: {value}\n")
