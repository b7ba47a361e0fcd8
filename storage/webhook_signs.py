"""Signs of life of the accounts' webhooks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import WebhookEventRow


async def last_received(session: AsyncSession, accounts: Sequence[str]) -> dict[str, datetime]:
    """account -> when its last valid webhook came; one look at the end of an index for each."""
    found: dict[str, datetime] = {}
    for account in accounts:
        last = await session.exec(
            select(func.max(col(WebhookEventRow.received_at))).where(col(WebhookEventRow.account) == account)
        )
        when = last.one()
        if when is not None:
            found[account] = when
    return found
