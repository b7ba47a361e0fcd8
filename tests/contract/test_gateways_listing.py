"""The contract of an account's own list: nothing missing, nothing twice, a fault is never an empty list."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from domain.ids import Prefix, attempt_id, new_id
from domain.outcome import NotSent, NotSentCause, PaymentStatus, Unknown
from gateways.base import Gateway, ListedPayment, PaymentPage
from tests.contract.case import ContractCase, card
from tests.contract.every import every, lists
from tests.contract.trial import Trial

ASIDE = timedelta(minutes=10)
_MOST_PAGES = 50


async def listed(
    gateway: Gateway, since: datetime, until: datetime, *, pages: int = _MOST_PAGES
) -> Sequence[ListedPayment]:
    """Every payment of the bounds, by walking the pages."""
    found: list[ListedPayment] = []
    cursor: str | None = None
    for _ in range(pages):
        page = await gateway.list_payments(since, until, cursor)
        assert isinstance(page, PaymentPage), page
        assert page.unreadable == 0
        found += page.payments
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the list has no end")


async def _ours(trial: Trial, *references: str) -> list[ListedPayment]:
    now = datetime.now(UTC)
    wanted = references or (trial.reference,)
    return [
        item for item in await listed(trial.gateway, now - ASIDE, now + ASIDE) if item.reference in wanted
    ]


@every(where=lists)
async def test_a_time_without_payments_lists_none(trial: Trial) -> None:
    long_ago = datetime(2020, 1, 2, tzinfo=UTC)

    assert await listed(trial.gateway, long_ago, long_ago + timedelta(days=1)) == []


@every("currency", where=lists, values=lambda case: [(currency,) for currency in case.amounts])
async def test_a_payment_is_listed_as_a_look_up_tells_it(trial: Trial, currency: str) -> None:
    handle = await trial.paid(currency=currency)

    (item,) = await _ours(trial)

    (payment,) = await trial.found(handle)
    assert item.payment_id == payment.payment_id
    assert item.status is PaymentStatus.CAPTURED
    assert (item.amount, item.amount_captured, item.currency) == (handle.amount, handle.amount, currency)
    assert item.amount_refunded in (0, None)
    assert abs(item.created_at - trial.sent_at) < timedelta(seconds=30)


@every("token", where=lists, values=lambda case: [(token,) for token in list(case.declines)[:1]])
async def test_a_refused_payment_is_listed_without_money(
    trial: Trial, case: ContractCase, token: str
) -> None:
    await trial.gateway.charge(trial.request(card(case.gateway, token)))

    for item in await _ours(trial):
        assert item.status is PaymentStatus.DECLINED
        assert (item.amount_captured, item.amount_refunded or 0) == (0, 0)


@every(where=lists)
async def test_what_was_refunded_is_listed_or_left_to_the_refunds(trial: Trial) -> None:
    handle = await trial.paid()
    await trial.refunded(handle, await trial.gateway.refund(trial.refunding(handle, 1_000)))

    (item,) = await _ours(trial)

    assert item.amount_captured == handle.amount
    assert item.amount_refunded in (1_000, None)


@every(where=lists)
async def test_more_than_a_page_is_listed_to_its_end(trial: Trial) -> None:
    """Flutterwave's pages hold ten, Stripe's a hundred."""
    references = [attempt_id(new_id(Prefix.CHECKOUT), 1) for _ in range(105)]

    async def pay(reference: str) -> None:
        asked = trial.request().model_copy(
            update={"reference": reference, "idempotency_key": f"{reference}/charge"}
        )
        await trial.gateway.charge(asked)

    for start in range(0, len(references), 15):
        await asyncio.gather(*(pay(reference) for reference in references[start : start + 15]))

    found = await _ours(trial, *references)

    assert sorted(item.reference or "" for item in found) == sorted(references)


@every(where=lists)
async def test_the_bounds_are_since_included_until_excluded(trial: Trial) -> None:
    await trial.paid()
    (item,) = await _ours(trial)
    at, later = item.created_at, item.created_at + timedelta(seconds=1)

    assert trial.reference in {each.reference for each in await listed(trial.gateway, at, later)}
    assert trial.reference not in {
        each.reference for each in await listed(trial.gateway, later, later + ASIDE)
    }
    assert trial.reference not in {each.reference for each in await listed(trial.gateway, at - ASIDE, at)}


@every(
    "fault",
    where=lists,
    values=lambda _case: [
        (kind,) for kind in ("timeout_before", "reset_before", "error_before", "malformed", "timeout_after")
    ],
)
async def test_a_list_that_fails_says_nothing(trial: Trial, fault: str) -> None:
    now = datetime.now(UTC)
    await trial.fault("lookup", fault)

    assert isinstance(await trial.hasty.list_payments(now - ASIDE, now), Unknown)


@every(
    "fault",
    "cause",
    where=lists,
    values=lambda _case: [
        ("rate_limit", NotSentCause.RATE_LIMITED),
        ("unauthorized", NotSentCause.UNAUTHORIZED),
    ],
)
async def test_a_list_that_is_refused_at_the_door_can_be_asked_for_again(
    trial: Trial, fault: str, cause: NotSentCause
) -> None:
    now = datetime.now(UTC)
    await trial.fault("lookup", fault)

    answer = await trial.gateway.list_payments(now - ASIDE, now)

    assert isinstance(answer, NotSent)
    assert answer.cause is cause


@every(where=lambda case, can: not lists(case, can))
async def test_a_list_that_does_not_exist_is_not_an_empty_one(trial: Trial) -> None:
    now = datetime.now(UTC)

    assert isinstance(await trial.gateway.list_payments(now - ASIDE, now), Unknown)
