"""Five known attacks among a merchant's customers: all are caught early, and hardly a customer is."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlmodel import col, update
from temporalio.testing import ActivityEnvironment

from activities.attempting import Attempting
from activities.context import Context
from activities.messages import PlanCheckout, SendAttempt
from activities.planning import Planning
from domain.checkout import CheckoutStatus, MethodType
from domain.decline import DeclineCategory
from domain.ids import Prefix, attempt_id, new_id
from domain.screening import Assessment, Verdict
from routing.country import BinTable
from routing.policy import Policy
from routing.router import Router
from storage import checkouts
from storage.database import Database
from storage.tables import Checkout, Sighting
from tests.screening.traffic import ATTACKS, COUNTRIES, NETWORKS, Traffic, Try
from tests.workflow.bank import Bank
from tests.workflow.plays import decline
from tests.workflow.world import ACCOUNTS, new_context, new_merchant, settings

pytestmark = pytest.mark.long

CAUGHT_WITHIN = 20
CLEAN_STOPPED = 0.01
STEP = 60.0
"""Seconds of the traffic's time after which what was seen is moved back by them: the counters' clock."""


class Networks:
    def by_ip(self, text: str | None, /) -> str | None:
        return None if text is None else NETWORKS.get(".".join(text.split(".")[:2]))


@dataclass
class Report:
    clean: Counter[Verdict] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    """Reasons for which a customer was challenged or stopped."""
    attacks: dict[str, list[Verdict]] = field(default_factory=lambda: defaultdict(list))

    def note(self, attempt: Try, found: Assessment) -> None:
        verdict = found.verdict
        if attempt.attack is None:
            self.clean[verdict] += 1
            if verdict is not Verdict.ALLOW:
                self.why[" ".join(reason.signal for reason in found.reasons)] += 1
        else:
            self.attacks[attempt.attack].append(verdict)

    def caught_at(self, attack: str) -> int | None:
        """The first try of which nothing was sent, from 1."""
        found = (number for number, verdict in enumerate(self.attacks[attack], 1) if verdict.stops)
        return next(found, None)

    @property
    def clean_touched(self) -> float:
        return 1 - self.clean[Verdict.ALLOW] / self.clean.total()

    def lines(self) -> list[str]:
        rows = [f"{'attack':28} {'tries':>5} {'caught at':>9} {'challenged':>10} {'review':>7} {'block':>6}"]
        for attack, verdicts in self.attacks.items():
            counts = Counter(verdicts)
            rows.append(
                f"{attack:28} {len(verdicts):5} {self.caught_at(attack) or 'never':>9} "
                f"{counts[Verdict.CHALLENGE]:10} {counts[Verdict.REVIEW]:7} {counts[Verdict.BLOCK]:6}"
            )
        rows.append(
            f"{'clean':28} {self.clean.total():5} {'':9} {self.clean[Verdict.CHALLENGE]:10} "
            f"{self.clean[Verdict.REVIEW]:7} {self.clean[Verdict.BLOCK]:6}   {self.clean_touched:.2%} touched"
        )
        rows += [f"  {count} customers: {signals}" for signals, count in self.why.most_common()]
        return rows


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    read = settings(database_url)
    opened = Database(read.sqlalchemy_url, pool_size=2, keys=read.keys)
    yield opened
    await opened.aclose()


def context_on(database: Database, database_url: str, bank: Bank) -> Context:
    known = {"card-a": ACCOUNTS["card-a"]}
    context = new_context(database, database_url, ("card-a",), {"card-a": bank})
    router = Router(known, Policy(default=("card-a",)), BinTable.of(COUNTRIES), Networks())
    return replace(context, router=router)


async def send(context: Context, merchant: str, bank: Bank, attempt: Try) -> Assessment:
    """Through the real activities. What is approved is not sent: no counter would change."""
    checkout_id = new_id(Prefix.CHECKOUT)
    customer = {"email": attempt.email, "ip": attempt.ip, "country": attempt.billing}
    async with context.database.transaction() as session:
        await checkouts.create(
            session,
            Checkout(
                id=checkout_id,
                merchant_id=merchant,
                idempotency_key=checkout_id,
                request_digest=b"\0" * 32,
                reference=None,
                status=CheckoutStatus.PROCESSING,
                amount=attempt.amount,
                currency="NGN",
                capture_method="automatic",
                customer=customer,
                payment_method={"type": "card", "bin": attempt.bin, "tokens": {"card-a": attempt.card}},
                allow_redirect=False,
                gateway_choice=None,
                return_url=None,
                notification_url=None,
                meta={},
            ),
        )
    worker = ActivityEnvironment()
    plan = await worker.run(Planning(context).plan_checkout, PlanCheckout(checkout_id=checkout_id))
    if attempt.declined and not plan.verdict.stops:
        bank.charge_script = [decline(DeclineCategory.SOFT)]
        task = SendAttempt(
            checkout_id=checkout_id,
            attempt_id=attempt_id(checkout_id, 1),
            account="card-a",
            number=1,
            gateway="card-a",
            method=MethodType.CARD,
        )
        await worker.run(Attempting(context).send_attempt, task)
    async with context.database.transaction() as session:
        row = await checkouts.get(session, checkout_id)
    assert row is not None
    found = Assessment.model_validate(row.screening)
    assert found.verdict is plan.verdict
    return found


async def elapse(database: Database, seconds: float) -> None:
    async with database.transaction() as session:
        await session.exec(update(Sighting).values(at=col(Sighting.at) - timedelta(seconds=seconds)))


async def test_the_attacks_are_caught_and_the_customers_are_not(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = Bank(keyed=True)
    context = context_on(database, database_url, bank)
    merchant = await new_merchant(database)
    report, moved = Report(), 0.0
    for attempt in Traffic(seed=20260601).all():
        if attempt.at - moved >= STEP:
            await elapse(database, attempt.at - moved)
            moved = attempt.at
        report.note(attempt, await send(context, merchant, bank, attempt))
    with capsys.disabled():
        print("", *report.lines(), sep="\n")
    assert set(report.attacks) == set(ATTACKS)
    for attack in ATTACKS:
        caught = report.caught_at(attack)
        assert caught is not None, attack
        assert caught <= CAUGHT_WITHIN, attack
    assert report.clean_touched <= CLEAN_STOPPED
