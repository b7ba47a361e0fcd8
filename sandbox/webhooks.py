"""Webhooks: written down with the effect that they tell of, delivered afterwards, retried, kept on record."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sandbox.clock import now, rfc3339
from sandbox.database import Database
from sandbox.faults import Fault, Faults
from sandbox.outgoing import Poster
from sandbox.settings import Changeable
from sandbox.vocabulary import FaultKind, Operation

RETRY_AFTER: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 10.0, 10.0, 30.0)
"""Seconds before each further try. The real gateways take hours; tests cannot."""

_TIMEOUT: Final = 10.0
_AT_ONCE: Final = 32
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Webhook:
    gateway: str
    account: str
    event: str
    event_id: str | None
    reference: str | None
    payment_id: str | None
    body: bytes


@dataclass(frozen=True)
class Signer:
    """How a gateway signs a webhook (at every try anew), and which answer it takes as received."""

    headers: Callable[[str, bytes], dict[str, str]]
    """(account, body) -> headers."""
    acknowledged: Callable[[int], bool]


class Webhooks:
    def __init__(self, database: Database, faults: Faults, settings: Changeable) -> None:
        self._database = database
        self._faults = faults
        self._settings = settings
        self._poster = Poster()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._overtaken: dict[str, asyncio.Event] = {}
        self.signers: dict[str, Signer] = {}

    def send(self, webhook: Webhook) -> None:
        """Queue it in the transaction of its effect; it leaves once that is durable."""
        fault = self._faults.take(webhook.gateway, Operation.WEBHOOK, webhook.reference)
        dropped = fault is not None and fault.fault is FaultKind.DROP
        nowhere = self._settings.webhook_base is None
        seq = self._database.insert(
            "INSERT INTO webhook (at, gateway, account, event, event_id, reference, payment_id, body, "
            "status, fault) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rfc3339(now()),
            webhook.gateway,
            webhook.account,
            webhook.event,
            webhook.event_id,
            webhook.reference,
            webhook.payment_id,
            webhook.body,
            "dropped" if dropped else "no_endpoint" if nowhere else "queued",
            None if fault is None else fault.fault.value,
        )
        if not dropped and not nowhere:
            self._database.after_commit(lambda: self._spawn(seq, webhook, fault))

    def resume(self) -> None:
        """Go on with what was not delivered when the process ended."""
        for row in self._database.rows("SELECT * FROM webhook WHERE status = 'queued' ORDER BY seq"):
            webhook = Webhook(
                **{name: row[name] for name in Webhook.__dataclass_fields__ if name != "body"},
                body=bytes(row["body"]),
            )
            self._spawn(row["seq"], webhook, None)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._poster.close()

    def rows(self, *, gateway: str | None, reference: str | None, after_seq: int) -> list[sqlite3.Row]:
        return self._database.rows(
            "SELECT seq, at, gateway, account, event, event_id, reference, payment_id, "
            "CAST(body AS TEXT) AS body, status, tries, last_status, fault FROM webhook "
            "WHERE seq > ?3 AND (?1 IS NULL OR gateway = ?1) AND (?2 IS NULL OR reference = ?2) ORDER BY seq",
            gateway,
            reference,
            after_seq,
        )

    def _spawn(self, seq: int, webhook: Webhook, fault: Fault | None) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_out(seq, webhook, fault))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, seq: int, webhook: Webhook, fault: Fault | None) -> None:
        match None if fault is None else fault.fault:
            case FaultKind.DELAY if fault is not None:
                await asyncio.sleep(fault.seconds)
            case FaultKind.REORDER if fault is not None:
                await self._be_overtaken(webhook.gateway, fault.seconds)
        await self._deliver(seq, webhook)
        if fault is not None and fault.fault is FaultKind.DUPLICATE:
            await self._deliver(seq, webhook)

    async def _be_overtaken(self, gateway: str, seconds: float) -> None:
        """Wait until the gateway's next webhook has been tried, at most so long."""
        overtaken = self._overtaken.setdefault(gateway, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await overtaken.wait()
        except TimeoutError:
            return

    async def _deliver(self, seq: int, webhook: Webhook) -> None:
        for pause in (*RETRY_AFTER, None):
            status = await self._try(webhook)
            overtaken = self._overtaken.pop(webhook.gateway, None)
            if overtaken is not None:
                overtaken.set()
            received = status is not None and self.signers[webhook.gateway].acknowledged(status)
            state = "delivered" if received else "queued" if pause is not None else "failed"
            self._database.run(
                "UPDATE webhook SET tries = tries + 1, last_status = ?, status = ? WHERE seq = ?",
                status,
                state,
                seq,
            )
            if received or pause is None:
                return
            await asyncio.sleep(pause)

    async def _try(self, webhook: Webhook) -> int | None:
        """The answer's status, or None where there was none."""
        base = self._settings.webhook_base
        if base is None:
            return None
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            **self.signers[webhook.gateway].headers(webhook.account, webhook.body),
        }
        async with self._slots:
            try:
                return await self._poster.post(
                    f"{base}/{webhook.account}", headers, webhook.body, seconds=_TIMEOUT
                )
            except OSError as fault:
                log.debug("webhook %s not delivered: %s", webhook.event, type(fault).__name__)
                return None
