"""`smartpay accounts`: the accounts' health, and what is ordered about them."""

import json
import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import LONGEST_REASON, actor, said
from cli.running import AsJson, fail, run
from domain.circuit import Mode
from gateways.registry import BadAccounts, load_accounts
from storage import health
from storage.health import Known

accounts_app = typer.Typer(help="Accounts at gateways: health, and orders about them.", no_args_is_help=True)


@accounts_app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List the accounts with their mode and circuits."""
    names = _names()

    async def work(session: AsyncSession) -> Known:
        return await health.read(session)

    known = run(work)
    rows = [_row(name, known) for name in names]
    if as_json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    table = Table("account", "mode", "why", "circuits")
    for row in rows:
        circuits = ", ".join(f"{method} {state}" for method, state in row["circuits"].items())
        table.add_row(row["account"], row["mode"], row["reason"] or "", circuits or "closed")
    Console().print(table)


@accounts_app.command("set")
def set_mode(
    account: Annotated[str, typer.Argument(help="Its name.")],
    mode: Annotated[
        Mode,
        typer.Argument(
            help="drain: no new checkouts; disable: nothing is sent any more; force: ignore the circuit; "
            "auto: the circuit decides."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")],
) -> None:
    """Order something about an account, within two seconds for every process."""
    why = said(reason, "reason", longest=LONGEST_REASON)
    names = _names()
    if account not in names:
        fail(f"There is no account {account!r}. There are: {', '.join(names)}.")

    async def work(session: AsyncSession) -> None:
        await health.set_mode(session, account, mode, actor=actor(), reason=why)

    run(work)
    sys.stdout.write(f"{account}: {mode}\n")


def _names() -> list[str]:
    try:
        return sorted(load_accounts(os.environ).known)
    except BadAccounts as error:
        fail(str(error))


def _row(name: str, known: Known) -> dict[str, Any]:
    mode = known.modes.get(name)
    return {
        "account": name,
        "mode": str(Mode.AUTO if mode is None else mode.mode),
        "reason": None if mode is None else mode.reason,
        "by": None if mode is None else mode.actor,
        "circuits": {
            method: str(circuit.shown(known.at))
            for (account, method), circuit in sorted(known.circuits.items())
            if account == name
        },
    }
