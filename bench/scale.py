"""`make bench-scale`: do queries and charges take longer with 50,000 checkouts stored than with 1,000?

Two databases on one server, both filled by SQL with the same kind of checkouts, one a second back from now.
The same is then asked of both, in turns: what merchants list and read, what operators look at, what the API
does in the background, and a checkout from its row to its charge (gateway and Temporal left out: neither
knows how many rows there are). Ends with 1 where a median has grown by more than a tenth, and by more than a
tenth of a millisecond.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import uvloop
from temporalio.testing import ActivityEnvironment

from activities.attempting import Attempting
from activities.context import Context
from activities.messages import PlanCheckout, SendAttempt
from activities.planning import Planning
from bench.straight import Accepted
from config.keys import new_key
from config.settings import Settings
from devstack.ports import Ports
from devstack.postgres import create_database, running_postgres
from devstack.programs import ROOT, Program, environment, run_once
from devstack.settings import product_environment
from domain.checkout import CheckoutStatus
from domain.ids import attempt_id
from domain.outcome import Approved, GatewayPayment, Outcome, PaymentStatus
from gateways.base import ChargeRequest
from gateways.registry import Accounts
from storage import alerts, attempts, checkouts, disputes, recovery, refunds, webhook_events
from storage.database import Database
from storage.merchants import create_merchant
from worker import build_context

FEW: Final = 1_000
MANY: Final = 50_000
GOAL: Final = 1.1
LEAST: Final = 0.0001
"""Seconds by which a median has to have grown to count: less is the clock's and the scheduler's."""
TIMES: Final = 60
"""That everything is asked of each database."""


class Instant:
    """A gateway that approves at once."""

    async def charge(self, request: ChargeRequest) -> Outcome:
        return Approved(
            payment=GatewayPayment(
                payment_id=f"pi_{request.reference}",
                reference=request.reference,
                status=PaymentStatus.CAPTURED,
                amount=request.amount,
                currency=request.currency,
                amount_captured=request.amount,
                amount_refunded=0,
            )
        )


@dataclass
class Side:
    """One of the two databases, with what works on it."""

    number: int
    context: Context
    merchant: str
    middle: tuple[datetime, str]
    """Position of a cursor half-way through."""
    fresh: list[str]
    """Checkouts to charge."""

    @property
    def database(self) -> Database:
        return self.context.database


Question = Callable[[Side], Awaitable[object]]


async def _list(side: Side, **filters: Any) -> object:
    async with side.database.transaction() as session:
        rows = await checkouts.page(session, side.merchant, limit=21, **filters)
        ids = [row.id for row in rows]
        return rows, await attempts.of_checkouts(session, ids), await disputes.of_checkouts(session, ids)


async def _one(side: Side) -> object:
    checkout_id = seeded_id(500)
    async with side.database.transaction() as session:
        row = await checkouts.get(session, checkout_id, side.merchant)
        made = await attempts.of_checkout(session, checkout_id)
        return row, made, await disputes.of_checkouts(session, [checkout_id])


async def _alerts(side: Side) -> object:
    async with side.database.transaction() as session:
        return await alerts.page(session, limit=50, acknowledged=False)


async def _planned(side: Side) -> object:
    async with side.database.transaction() as session:
        return await checkouts.planned(session, limit=100)


async def _sweep(side: Side) -> object:
    async with side.database.transaction() as session:
        return [
            await checkouts.not_started(session, older_than=3, limit=100),
            await webhook_events.undelivered(session, older_than=3, limit=100),
            await attempts.stray_money(session, limit=100, since=300),
            await refunds.unattended(session, never_for=3, last_for=60, limit=100),
        ]


async def _recovery(side: Side) -> object:
    walk: dict[str, Any] = {"quiet_for": 120.0, "after": "", "limit": 100}
    async with side.database.transaction() as session:
        return [
            await recovery.quiet_checkouts(session, **walk),
            await recovery.left_behind(session, watch_for=7 * 86400.0, **walk),
            await recovery.quiet_refunds(session, **walk),
            await recovery.quiet_notifications(session, **walk),
        ]


async def _charge(side: Side) -> object:
    checkout_id = side.fresh.pop()
    ground = ActivityEnvironment()
    plan = await ground.run(Planning(side.context).plan_checkout, PlanCheckout(checkout_id=checkout_id))
    step = plan.steps[0]
    return await ground.run(
        Attempting(side.context).send_attempt,
        SendAttempt(
            checkout_id=checkout_id,
            attempt_id=attempt_id(checkout_id, 1),
            account=step.account,
            number=1,
            gateway=step.gateway,
            method=step.method,
            recheck=False,
        ),
    )


QUESTIONS: Final[Mapping[str, Question]] = {
    "list: the newest": _list,
    "list: half-way through": lambda side: _list(side, before=side.middle),
    "list: failed ones": lambda side: _list(side, status=CheckoutStatus.FAILED),
    "list: of a gateway that few use": lambda side: _list(side, gateway="paystack"),
    "search: by reference": lambda side: _list(side, reference="order-500"),
    "read one": _one,
    "overview: alerts": _alerts,
    "overview: the latest plans": _planned,
    "background: a sweep": _sweep,
    "background: a look for lost runs": _recovery,
    "plan, claim, charge, record": _charge,
}


def seeded_id(number: int) -> str:
    return f"co_{number:026d}"


_SEED: Final = """
WITH n AS (SELECT number, 'co_' || lpad(number::text, 26, '0') AS id,
                  now() - make_interval(secs => number) AS at,
                  CASE WHEN number % 20 = 0 THEN 'failed' ELSE 'succeeded' END AS status,
                  CASE WHEN number % 500 = 7 THEN 'paystack' ELSE 'stripe' END AS gateway
           FROM generate_series(1, $2::int) AS number),
checkout AS (
  INSERT INTO checkouts (id, merchant_id, idempotency_key, request_digest, reference, status, amount,
    currency, amount_captured, amount_refunded, capture_method, customer, payment_method, allow_redirect,
    meta, gateway,
    account, paid_attempt_id, routing, planned_at, created_at, updated_at)
  SELECT id, $1, 'seeded-' || number, '\\x00', 'order-' || number, status, 12500, 'USD',
    CASE WHEN status = 'succeeded' THEN 12500 ELSE 0 END, 0, 'automatic',
    '{"country": "US"}', '{"type": "card", "bin": "424242"}', false, '{}', gateway, gateway,
    CASE WHEN status = 'succeeded' THEN 'att_' || substr(id, 4) || '_1' END, $3::jsonb, at, at, at
  FROM n),
attempt AS (
  INSERT INTO attempts (id, checkout_id, number, gateway, account, method, status, sent_at, last_sent_at,
    sends, gateway_payment_id, amount_captured, amount_refunded, amount_reserved, created_at, ended_at)
  SELECT 'att_' || substr(id, 4) || '_1', id, 1, gateway, gateway, 'card',
    CASE WHEN status = 'succeeded' THEN 'captured' ELSE 'declined' END, at, at, 1, 'pi_' || number,
    CASE WHEN status = 'succeeded' THEN 12500 ELSE 0 END, 0, 0, at, at
  FROM n),
event AS (
  INSERT INTO checkout_events (checkout_id, kind, data, at)
  SELECT id, kind, '{}', at
  FROM n, unnest(ARRAY['checkout.created', 'checkout.planned', 'attempt.sent', 'attempt.captured',
                       'checkout.succeeded']) AS kind),
alert AS (
  INSERT INTO alerts (id, kind, subject, message, acknowledged_at)
  SELECT 'alr_' || lpad(number::text, 26, '0'), 'bench', id, 'seeded', at FROM n WHERE number % 100 = 0)
INSERT INTO sightings (checkout_id, merchant_id, at, amount, currency, card, email, ip, bin, small,
  disposable, stopped, declined)
SELECT id, $1, at, 12500, 'USD', decode(md5('card' || number % 5000), 'hex'),
  decode(md5('mail' || number), 'hex'), decode(md5('ip' || number % 5000), 'hex'), '424242',
  false, false, false, status = 'failed'
FROM n
"""
_ROUTING: Final = """
{"country": {"code": "US", "source": "billing", "by_billing": "US"}, "policy_version": 1,
 "plan": [{"gateway": "stripe", "account": "stripe", "method": "card", "reason": "default"}],
 "excluded": [{"gateway": "flutterwave", "account": "flutterwave", "reason": "no_token"}]}
"""


@asynccontextmanager
async def side(directory: Path, server: str, number: int) -> AsyncIterator[Side]:
    """A database with so many checkouts."""
    url = await create_database(server, f"bench_{number}")
    migrate = Program(
        "migrations",
        (sys.executable, "-m", "alembic", "upgrade", "head"),
        environment({"DATABASE_URL": url, "ENCRYPTION_KEYS": os.environ["ENCRYPTION_KEYS"]}),
    )
    await run_once(migrate, directory / "migrate.log")
    settings = Settings(database_url=url)
    context = build_context(settings)
    context = replace(
        context,
        accounts=Accounts(context.accounts.known, {name: Instant() for name in context.accounts.known}),  # type: ignore[misc]  # charges alone
    )
    async with context.database.transaction() as session:
        merchant = await create_merchant(session, "bench")
    connection = await asyncpg.connect(url)
    await connection.execute(_SEED, merchant.id, number, _ROUTING)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    accepted = Accepted(context.database, merchant.id)
    middle = datetime.now(UTC) - timedelta(seconds=number / 2), seeded_id(number // 2)
    policy = asyncio.create_task(context.router.keep(context.database, url))  # type: ignore[union-attr]
    await context.router.known.wait()  # type: ignore[union-attr]
    try:
        yield Side(number, context, merchant.id, middle, await accepted.rows(2 * TIMES))
    finally:
        policy.cancel()
        await asyncio.gather(policy, return_exceptions=True)
        await context.database.aclose()


async def measure() -> dict[str, tuple[float, float]]:
    """Print and answer, for every question, the median seconds with few and with many rows."""
    ports = Ports.free()
    with tempfile.TemporaryDirectory(prefix="smartpay-bench-") as directory:
        os.chmod(directory, 0o755)  # noqa: S103  # PostgreSQL may have to run as another user
        base = Path(directory)
        os.environ.update(
            (name, value)
            for name, value in product_environment(
                ports=ports,
                data_dir=ROOT / ".data",
                database_url="postgresql://unused",
                gateway_urls={},
                overrides={"LOG_LEVEL": "WARNING", "ENCRYPTION_KEYS": new_key("bench")},
            ).items()
            if name not in ("DATABASE_URL", "ENCRYPTION_KEYS_FILE")
        )
        async with running_postgres(base / "postgres", ports.postgres, durable=True) as server:
            print(f"filling two databases, {FEW:,} and {MANY:,} checkouts", flush=True)
            async with side(base, server, FEW) as few, side(base, server, MANY) as many:
                return {
                    name: await compare(name, question, few, many) for name, question in QUESTIONS.items()
                }


async def compare(name: str, question: Question, few: Side, many: Side) -> tuple[float, float]:
    """The median seconds at both, asked in turns."""
    times: dict[int, list[float]] = {few.number: [], many.number: []}
    for turn in range(TIMES + 5):
        for each in (few, many) if turn % 2 == 0 else (many, few):
            began = time.perf_counter()
            await question(each)
            if turn >= 5:
                times[each.number].append(time.perf_counter() - began)
    before, after = (statistics.median(times[each.number]) for each in (few, many))
    print(
        f"{name:34} {1000 * before:7.2f} ms  {1000 * after:7.2f} ms  {after / before - 1:+6.0%}"
        f"{'' if fine(before, after) else '  TOO MUCH'}",
        flush=True,
    )
    return before, after


def fine(before: float, after: float) -> bool:
    return after <= before * GOAL or after - before <= LEAST


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.scale", description="Few checkouts stored, and many.")
    parser.parse_args(arguments)
    os.chdir(ROOT)
    found = uvloop.run(measure())
    missed = [name for name, (before, after) in found.items() if not fine(before, after)]
    print(f"grown by more than {GOAL - 1:.0%}: {', '.join(missed) or 'nothing'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
