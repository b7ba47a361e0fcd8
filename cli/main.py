"""`smartpay`: what an operator does from a shell. Reads the same environment as the API and the worker."""

import config.quiet_imports  # noqa: F401

# isort: split

import contextlib
import gc
import os
import sys
from collections import UserDict
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

_COMMANDS: Final = {
    "freeze": "switches:freeze",
    "unfreeze": "switches:unfreeze",
    "switches": "switches:list_switches",
    "decide": "reviews:decide",
    "reconcile": "reconcile:reconcile",
    "replay": "replay:replay_command",
    "merchants": "merchants:merchants_app",
    "keys": "keys:keys_app",
    "db": "database:db_app",
    "countries": "countries:countries_app",
    "notifications": "notifications:notifications_app",
    "operators": "operators:operators_app",
    "accounts": "accounts:accounts_app",
    "routing": "routing:routing_app",
    "encryption": "encryption:encryption_app",
    "lists": "lists:lists_app",
    "screening": "screening:screening_app",
    "audit": "audit:audit_app",
    "personal": "personal:personal_app",
}
"""Where each command, or group of commands, is: module of this package and name in it."""


class _Commands(UserDict[str, Any]):
    """Each is imported when it is asked for: all of them together take twice the time of any one."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = super().__getitem__(name).partition(":")
        found = getattr(import_module(f"cli.{module}"), attribute)
        gc.enable()
        command = get_group(found) if isinstance(found, typer.Typer) else _alone(found)
        command.name = name
        return command


class _Smartpay(TyperGroup):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands(_COMMANDS)


def _alone(function: Callable[..., None]) -> Any:
    """A command that is of no group."""
    part = typer.Typer(add_completion=False)
    part.command()(function)
    return get_command(part)


app = typer.Typer(cls=_Smartpay, no_args_is_help=True)


@app.callback()
def smartpay() -> None:
    """Operate a smartpay installation."""


def main() -> NoReturn:
    """Run one command and end without Python's own clean-up.

    Right after a request to Temporal its client's threads can crash in there, and what was done would seem to
    have failed: https://github.com/temporalio/sdk-python/issues/300.
    """
    code = 0
    try:
        app(prog_name="smartpay")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
