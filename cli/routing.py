"""`smartpay routing`: the routing policy as files, checked, tried on past checkouts, and put in force."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.context import route_request
from cli.acting import Why, actor, reason_of
from cli.running import AsJson, fail, run
from config.settings import Settings
from domain.capabilities import Account
from domain.route import RoutePlan
from gateways.registry import BadAccounts, load_accounts
from routing.country_map import BadCountryMap
from routing.data_files import DataFiles
from routing.datasets import BadDataset
from routing.fees import BadFees, FeeTable, load_fees
from routing.policy import Policy
from routing.policy_diff import diff
from routing.policy_files import BadPolicyFile, document_of, export, line, load_policy, merged
from routing.policy_validation import Verdict, validate
from routing.router import Router
from routing.simulation import Case, Simulation, Simulator
from storage import checkouts, personal, policies
from storage.tables import PolicyVersion

routing_app = typer.Typer(help="The routing policy.", no_args_is_help=True)

_BATCH = 500

Files = Annotated[
    list[Path], typer.Argument(help="supportedCountries.json, gatewayOverrides.json or a whole policy.")
]
File = Annotated[Path, typer.Argument(help="A policy, a country map or overrides.")]


@routing_app.command("export")
def export_policy(
    directory: Annotated[Path, typer.Argument(help="Where the files go.")] = Path(),
) -> None:
    """Write the policy in force as three files: country map, overrides, and the whole of it."""
    row = run(policies.current)
    policy = _first_policy() if row is None else Policy.model_validate(row.document)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in export(policy).items():
            (directory / name).write_text(content, encoding="utf-8")
            sys.stdout.write(f"{directory / name}\n")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}.")


@routing_app.command("import")
def import_policy(files: Files, reason: Why = None) -> None:
    """Put files in force, all of them as one new version: in every process within two seconds.

    A country map replaces `countries` and `default`, overrides replace `overrides` and `override_default`,
    a whole policy replaces everything.
    """
    accounts, why = _accounts(), reason_of(reason)

    async def work(session: AsyncSession) -> tuple[Verdict, PolicyVersion | None, bool]:
        if await policies.current(session) is None:
            await policies.seed(session, document_of(_first_policy()))
        base = await policies.current(session)
        if base is None:  # not reached: the line before has made one
            return Verdict(None, ()), None, False
        verdict = validate(_merged(base.document, files), accounts)
        if verdict.policy is None:
            return verdict, None, False
        document = document_of(verdict.policy)
        changes = diff(base.document, document)
        if not changes:
            return verdict, base, False
        saved = await policies.save(
            session,
            base.version,
            document,
            author=actor(),
            diff=changes,
            reason=why,
            action="policy.imported",
        )
        return verdict, saved, True

    verdict, row, changed = run(work)
    _tell(verdict)
    if row is None:
        fail("Somebody has saved another version meanwhile. Nothing was saved: try again.")
    if not changed:
        sys.stdout.write(f"nothing differs from version {row.version}\n")
        return
    for change in row.diff:
        sys.stdout.write(f"  {change['path']}\n")
    sys.stdout.write(f"version {row.version} is saved\n")


@routing_app.command("validate")
def validate_file(file: File) -> None:
    """Say everything that is wrong with a file, each with its place and what was probably meant.

    Overrides and country maps are looked at together with the configured files. The database is not asked.
    """
    document = _merged(document_of(_first_policy()), [file])
    _tell(validate(document, _accounts()))
    sys.stdout.write(f"{file}: valid\n")


@routing_app.command("simulate")
def simulate(
    file: File,
    last: Annotated[int, typer.Option(min=1, help="How many of the latest checkouts.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Decide past checkouts again under a draft, and say what would change. Nothing is saved."""
    accounts = _accounts()
    fees = _fees(accounts)

    async def work(session: AsyncSession) -> Simulation:
        base = await policies.current(session)
        document = document_of(_first_policy()) if base is None else base.document
        verdict = validate(_merged(document, [file]), accounts)
        _tell(verdict)
        assert verdict.policy is not None  # noqa: S101  # _tell has ended the command otherwise
        simulator = Simulator(_router(accounts, verdict.policy), fees)
        position = None
        with _progress() as progress:
            task = progress.add_task("checkouts", total=last)
            left = last
            while left > 0:
                rows = await checkouts.planned(session, limit=min(left, _BATCH), before=position)
                people = await personal.of_many(session, rows)
                for row in rows:
                    route = RoutePlan.model_validate(row.routing)
                    simulator.add(Case(route_request(row, people[row.id]), route))
                    session.expunge(row)
                progress.advance(task, len(rows))
                left -= len(rows)
                if len(rows) < _BATCH:
                    break
                position = (rows[-1].planned_at, rows[-1].id)
        return simulator.result()

    result = run(work)
    if as_json:
        sys.stdout.write(result.model_dump_json() + "\n")
    else:
        _show(result)


def _accounts() -> Mapping[str, Account]:
    try:
        return load_accounts(os.environ).known
    except BadAccounts as error:
        fail(str(error))


def _fees(accounts: Mapping[str, Account]) -> FeeTable:
    try:
        return load_fees(Settings().fees_file, accounts)
    except BadFees as error:
        fail(str(error))


def _first_policy() -> Policy:
    settings = Settings()
    try:
        return load_policy(settings.countries_file, settings.overrides_file, _accounts())
    except (BadCountryMap, BadPolicyFile) as error:
        fail(str(error))


def _merged(document: Mapping[str, Any], files: list[Path]) -> dict[str, Any]:
    try:
        return merged(document, files)
    except BadPolicyFile as error:
        fail(str(error))


def _router(accounts: Mapping[str, Account], policy: Policy) -> Router:
    settings = Settings()
    try:
        files = DataFiles(settings.datasets_dir, settings.geo_database, settings.bin_database)
    except BadDataset as error:
        fail(str(error))
    return Router(accounts, policy, *files.tables, policy_version=0)


def _tell(verdict: Verdict) -> None:
    """Print what was found; ends the command where something is wrong."""
    for finding in verdict.warnings:
        sys.stderr.write(f"warning: {line(finding)}\n")
    for finding in verdict.errors:
        sys.stderr.write(f"error: {line(finding)}\n")
    if verdict.policy is None:
        fail(f"{len(verdict.errors)} errors: the policy cannot be used.")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _show(result: Simulation) -> None:
    out = Console()
    out.print(
        f"{result.checkouts} checkouts: {result.moved} would ask another account first, "
        f"{result.changed} would get another plan"
    )
    moves = Table("first account", "under the draft", "checkouts")
    for move in result.moves:
        moves.add_row(move.before, move.after, str(move.checkouts))
    if result.moves:
        out.print(moves)
    accounts = Table("account asked first", "before", "after")
    for share in result.accounts:
        accounts.add_row(share.account, str(share.before), str(share.after))
    out.print(accounts)
    for title, parts in (("country", result.countries), ("currency", result.currencies)):
        table = Table(title, "checkouts", "moved")
        for part in parts[:20]:
            table.add_row(part.name, str(part.checkouts), str(part.moved))
        out.print(table)
    if result.fees:
        fees = Table("expected fees, minor units", "checkouts", "before", "after")
        for each in result.fees:
            fees.add_row(each.currency, *map(str, (each.checkouts, each.before, each.after)))
        out.print(fees)
    if result.without_inputs:
        out.print(f"{result.without_inputs} of them were planned before inputs were recorded.")
    out.print(result.note)
