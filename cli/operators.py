"""`smartpay operators`: who may see and steer the installation."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import Why, actor, reason_of, said
from cli.running import AsJson, fail, run, show
from domain import passwords
from domain.operator import Role
from storage import operator_credentials, tables
from storage import operators as queries

LONGEST_NAME = 100

operators_app = typer.Typer(help="Operators: who may see and steer the installation.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="Its id or name.")]

_T = TypeVar("_T")


def _run_on(operator: str, work: Callable[[AsyncSession, tables.Operator], Awaitable[_T]]) -> _T:
    """Run `work` on an operator. Ends the command where there is none."""

    async def found(session: AsyncSession) -> _T | None:
        row = await queries.find(session, operator)
        return None if row is None else await work(session, row)

    result = run(found)
    if result is None:
        fail(f"There is no operator {operator!r}.")
    return result


@operators_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="A name for people, unique.")],
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.VIEWER,
    token: Annotated[
        bool, typer.Option("--token", help="With a token for the API, shown this once.")
    ] = False,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Create an operator. `smartpay operators token` gives it a token for the API later."""
    known_as, why = said(name, "name", longest=LONGEST_NAME), reason_of(reason)

    async def work(session: AsyncSession) -> dict[str, str]:
        row = await queries.create(session, known_as, role, actor=actor(), reason=why)
        made = {"operator_id": row.id, "name": row.name, "role": str(role)}
        if token:
            made["token"] = await queries.issue_token(session, row, actor=actor(), reason=why)
        return made

    try:
        made = run(work)
    except IntegrityError:
        fail(f"An operator named {known_as!r} exists.")
    show(made, as_json)


@operators_app.command("token")
def issue_token(operator: Who, reason: Why = None, as_json: AsJson = False) -> None:
    """Give an operator a token for the API. It is shown this once; earlier ones stay valid."""
    why = reason_of(reason)

    async def work(session: AsyncSession, row: tables.Operator) -> tuple[str, str]:
        if row.disabled_at is not None:
            return row.id, ""
        return row.id, await queries.issue_token(session, row, actor=actor(), reason=why)

    operator_id, issued = _run_on(operator, work)
    if not issued:
        fail(f"The operator {operator!r} is disabled.")
    show({"operator_id": operator_id, "token": issued}, as_json)


@operators_app.command("revoke")
def revoke(
    operator: Who,
    prefix: Annotated[
        str | None,
        typer.Option(help=f"Only the token that begins so ({queries.PREFIX_LENGTH} characters)."),
    ] = None,
    reason: Why = None,
) -> None:
    """Revoke an operator's tokens, at once."""
    why = reason_of(reason)

    async def work(session: AsyncSession, row: tables.Operator) -> int:
        return await queries.revoke_tokens(session, row, prefix, actor=actor(), reason=why)

    sys.stdout.write(f"{_run_on(operator, work)} revoked\n")


@operators_app.command("disable")
def disable(operator: Who, reason: Why = None) -> None:
    """Shut an operator out, at once and for good. Its name stays in the records."""
    why = reason_of(reason)

    async def work(session: AsyncSession, row: tables.Operator) -> bool:
        return await queries.disable(session, row, actor=actor(), reason=why)

    if not _run_on(operator, work):
        fail(f"The operator {operator!r} is disabled already.")
    sys.stdout.write("disabled\n")


@operators_app.command("password")
def password(
    operator: Who,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a good password instead of asking for one.")
    ] = False,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Give an operator a password and a TOTP secret to sign in with. Both are shown this once; earlier ones,
    and every session, end."""
    why = reason_of(reason)
    name = _run_on(operator, _may_sign_in)
    if not name:
        fail(f"The operator {operator!r} is disabled.")
    chosen = passwords.generate(name) if generate else _asked(name)
    digest = operator_credentials.hash_of(chosen)

    async def work(session: AsyncSession, row: tables.Operator) -> dict[str, str]:
        issued = await operator_credentials.issue(session, row, digest, actor=actor(), reason=why)
        shown = {"operator_id": row.id, "name": row.name}
        if generate:
            shown["password"] = chosen
        return shown | {"totp_secret": issued.totp_secret, "totp_uri": issued.totp_uri}

    show(_run_on(operator, work), as_json)


async def _may_sign_in(_session: AsyncSession, row: tables.Operator) -> str:
    return row.name if row.disabled_at is None else ""


def _asked(name: str) -> str:
    """A password typed twice. Ends the command where it is too weak."""
    given: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    fault = passwords.fault(given, name)
    if fault is not None:
        fail(f"The password must {fault}.")
    return given


@operators_app.command("unlock")
def unlock(operator: Who, reason: Why = None) -> None:
    """After too many wrong tries: let an operator sign in again at once."""
    why = reason_of(reason)

    async def work(session: AsyncSession, row: tables.Operator) -> bool:
        return await operator_credentials.unlock(session, row, actor=actor(), reason=why)

    if not _run_on(operator, work):
        fail(f"The operator {operator!r} is not locked out.")
    sys.stdout.write("unlocked\n")


@operators_app.command("list")
def list_operators(as_json: AsJson = False) -> None:
    """List the operators, their roles and how many live tokens each has."""
    rows = run(queries.every)
    if as_json:
        shown = [{**row.model_dump(mode="json"), "live_tokens": tokens} for row, tokens in rows]
        sys.stdout.write(json.dumps(shown) + "\n")
        return
    table = Table("operator", "name", "role", "state", "live tokens", "created")
    for row, tokens in rows:
        state = "active" if row.disabled_at is None else "disabled"
        table.add_row(row.id, row.name, row.role, state, str(tokens), f"{row.created_at:%Y-%m-%d %H:%M} UTC")
    Console().print(table)
