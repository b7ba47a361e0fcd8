"""`smartpay notifications`: what merchants were told, the secrets that sign it, and sending it again."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.acting import actor
from cli.running import AsJson, fail, run, show
from config.settings import Settings
from storage import merchant_secrets, merchants
from storage import notifications as queries
from storage.tables import Notification

notifications_app = typer.Typer(help="Notifications to merchants.", no_args_is_help=True)


@notifications_app.command("secret")
def secret(
    merchant: Annotated[str, typer.Argument(help="Its id or name.")],
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one; the old one signs beside it for a while.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the secret that signs a merchant's notifications, or replace it."""
    overlap = Settings().notification_secret_overlap

    async def work(session: AsyncSession) -> tuple[str, str] | None:
        found = await merchants.find_merchant(session, merchant)
        if found is None:
            return None
        if rotate:
            return found.id, await merchant_secrets.rotate(session, found.id, overlap=overlap, actor=actor())
        return found.id, (await merchant_secrets.live(session, found.id))[0]

    shown = run(work)
    if shown is None:
        fail(f"There is no merchant {merchant!r}.")
    show({"merchant_id": shown[0], "secret": shown[1]}, as_json)
    if rotate:
        sys.stderr.write(f"The old secret signs as well for {overlap / 3600:g} hours.\n")


@notifications_app.command("resend")
def resend(notification: Annotated[str, typer.Argument(help="Its id, evt_...")]) -> None:
    """Send a notification again, at once and under the same id, whether it was delivered or not."""
    if not run(lambda session: queries.resend(session, notification)):
        fail(f"There is no notification {notification!r}.")
    sys.stdout.write(f"{notification} will be sent again\n")


@notifications_app.command("list")
def list_notifications(
    checkout: Annotated[str, typer.Option(help="The checkout's id, co_...")], as_json: AsJson = False
) -> None:
    """List what the merchant of a checkout was told of it, and whether it arrived."""

    async def work(session: AsyncSession) -> Sequence[Notification]:
        return await queries.of_checkout(session, checkout)

    rows = run(work)
    if as_json:
        shown = {"id", "sequence", "type", "created_at", "attempts", "last_status", "last_fault"}
        shown |= {"delivered_at", "gave_up_at"}
        sys.stdout.write(json.dumps([row.model_dump(mode="json", include=shown) for row in rows]) + "\n")
        return
    table = Table("number", "notification", "type", "state", "attempts", "last answer")
    for row in rows:
        answer = str(row.last_status or row.last_fault or "")
        table.add_row(str(row.sequence), row.id, row.type, _state(row), str(row.attempts), answer)
    Console().print(table)


def _state(row: Notification) -> str:
    if row.delivered_at is not None:
        return f"delivered {row.delivered_at:%Y-%m-%d %H:%M:%S} UTC"
    return "given up" if row.gave_up_at is not None else "being sent"
