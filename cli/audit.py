"""`smartpay audit`: is the audit log what was written, and what does it say."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import Why, actor, reason_of
from cli.running import fail, run
from config.keys import KeyRing
from config.settings import Settings
from domain.audit import canonical
from storage import audit_archive, audit_checking, audit_log
from storage.audit_checking import Verdict

audit_app = typer.Typer(help="The audit log.", no_args_is_help=True)

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC.")]


@audit_app.command("verify")
def verify(
    head: Annotated[
        str | None,
        typer.Option(
            help="A head that this command printed before, number:hash. Shows that nothing was cut off since."
        ),
    ] = None,
) -> None:
    """Check every entry and the whole chain. Ends with 1 and names the first broken entry if one is."""
    if head is not None and not _is_head(head):
        fail("A head is number:hash, as this command prints it.")
    keys = _keys()

    async def work(session: AsyncSession) -> Verdict:
        return await audit_checking.verify(session, keys, expected=head)

    verdict = run(work)
    summary = f"{verdict.entries} entries in {verdict.seals} seals"
    if verdict.purged:
        summary += f", {verdict.purged} more in archives"
    sys.stdout.write(f"{summary}\nhead: {verdict.head}\n")
    if verdict.unsigned:
        sys.stdout.write(
            f"the last {verdict.unsigned} seals are signed with keys that are not configured here\n"
        )
    problems = list(verdict.faults)
    if verdict.waiting:
        since = f"{verdict.waiting_since:%Y-%m-%d %H:%M:%S} UTC"
        problems.append(f"{verdict.waiting} entries wait to be sealed, since {since}: does a worker run?")
    if problems:
        more = len(problems) - 10
        shown = [*problems[:10], *([f"and {more} more"] if more > 0 else [])]
        fail("The audit log is broken:\n  " + "\n  ".join(shown) if verdict.faults else shown[0])
    sys.stdout.write("everything is as it was written\n")


@audit_app.command("export")
def export(since: Day = None, until: Day = None) -> None:
    """Print entries as JSON lines, oldest first, each with its digest and the seal that lists it."""

    async def work(session: AsyncSession) -> None:
        async for line in audit_archive.lines(session, since=_utc(since), until=_utc(until)):
            sys.stdout.buffer.write(canonical(line) + b"\n")

    run(work)


@audit_app.command("purge")
def purge(
    before: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Only what was sealed before this day (UTC).")
    ],
    to: Annotated[Path, typer.Option(help="The archive: a new file, JSON lines as `export` prints them.")],
    reason: Why = None,
) -> None:
    """Move old entries into an archive, by whole seals. The last three months always stay."""
    day, why = before.replace(tzinfo=UTC), reason_of(reason)

    async def work(session: AsyncSession) -> int:
        with to.open("xb") as file:
            count = 0
            async for line in audit_archive.leaving(session, before=day):
                file.write(canonical(line) + b"\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        if count:
            await audit_archive.purge(session, before=day)
            after = {"entries": count, "before": day.isoformat()}
            await audit_log.record(
                session, actor=actor(), action="audit.purged", subject="audit", after=after, reason=why
            )
        return count

    try:
        count = run(work)
    except FileExistsError:
        fail(f"{to} exists; an archive is a new file.")
    except audit_archive.Broken as error:
        to.unlink()
        fail(f"Nothing was purged: {error}. See `smartpay audit verify`.")
    except DBAPIError as error:
        to.unlink()
        fail(f"Nothing was purged: {str(error.orig).splitlines()[0].rpartition(': ')[2]}.")
    sys.stdout.write(f"{count} entries moved to {to}\n")


def _is_head(text: str) -> bool:
    number, colon, linked = text.partition(":")
    return number.isdecimal() and bool(colon) and len(linked) >= 8 and set(linked) <= set("0123456789abcdef")


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _keys() -> KeyRing | None:
    try:
        return Settings().keys
    except ValidationError as error:
        fail("; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors()))
