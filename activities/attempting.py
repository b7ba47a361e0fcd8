"""Ask an account for the money, and find out what became of it.

The order within a send is the safety of the whole product: the intent and the claim are committed before the
call, the answer is judged by whether an earlier send may have left, and what it means is committed before the
workflow hears of it. Killed at any point, the activity runs again and finds in the row how far it came.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities import measuring
from activities.context import STALLED_AFTER, Context, card_of, route_request
from activities.errors import Gone, Unsettled
from activities.messages import CHARGES_FROZEN, AttemptTask, Kind, LookUpAttempt, Report, SendAttempt
from activities.recording import record, report_of
from activities.screening import challenged
from domain.attempt import AttemptStatus
from domain.checkout import CaptureMethod, CheckoutStatus, MethodType
from domain.conclude import check, conclude
from domain.outcome import Approved, Canceled, Mismatch, NotFound, NotSent, Outcome, Pending, Unknown
from domain.route import Exclusion
from domain.switches import Switch
from gateways.base import ChargeRequest
from routing.health import Standing
from storage import attempts, checkouts, personal, switches
from storage.events import alert, last_told, tell
from storage.personal import Person
from storage.switches import Freezes
from storage.tables import Attempt, Checkout

BLOCKED_TRIES = 4
"""Tries of a claim, over about a second and a half, until an unsettled earlier attempt raises an alert."""

KEY_LIFE_MARGIN = timedelta(hours=1)
"""So long before a key's documented end nothing is sent under it any more."""

START_EXPIRED = "start_expired"
"""Why no account is asked for a checkout that waited too long for its first send."""

KEEPING_PAUSE = 0.25
"""Seconds between tries to record an answer."""

FAILOVER_FROZEN = "failover_frozen"
"""Why an account is skipped that would have been asked after another one."""


@dataclass(frozen=True)
class Claim:
    """The right to send: committed, numbered, and known to be the first or not."""

    checkout: Checkout
    person: Person
    attempt: Attempt
    send: int
    first: bool


def _answered(attempt: Attempt) -> bool:
    """The gateway has answered: asking again could only blur it."""
    status = AttemptStatus(attempt.status)
    return status.settled or status in (AttemptStatus.REQUIRES_ACTION, AttemptStatus.PENDING)


def _passed_by(attempt: Attempt | None) -> Report:
    """An attempt after which the checkout has gone on; without a row it was never asked."""
    if attempt is None:
        return Report(kind=Kind.EXCLUDED, status=AttemptStatus.NOT_SENT, detail="passed by")
    return report_of(attempt)


def _checked(outcome: Approved, checkout: Checkout, attempt: Attempt) -> Approved | Mismatch:
    return check(
        outcome.payment,
        reference=attempt.id,
        amount=checkout.amount,
        currency=checkout.currency,
        capture_method=CaptureMethod(checkout.capture_method),
    )


class Attempting:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def send_attempt(self, task: SendAttempt) -> Report:
        """Send the attempt, or send it again under its key, or look it up: whatever is safe now."""
        began = time.monotonic()
        claim = await self._claim(task)
        if isinstance(claim, Report):
            return claim
        request = self._charge_request(claim)
        gateway = self._context.accounts.gateway(task.account)
        outcome: Outcome
        if time.monotonic() - began > STALLED_AFTER:
            outcome = Unknown(detail="stalled before sending")
        else:
            called = time.monotonic()
            outcome = await gateway.charge(request)
            self._context.health.note(task.account, claim.attempt.method, outcome, time.monotonic() - called)
        if isinstance(outcome, NotSent) and not claim.first:
            # This call had no effect, but an earlier one may have.
            outcome = Unknown(detail=f"an earlier send may have left; now {outcome.cause}")
        if isinstance(outcome, Approved):
            outcome = _checked(outcome, claim.checkout, claim.attempt)
        return await self._keep(claim, outcome, until=began + self._context.settings.charge_timeout)

    async def _keep(self, claim: "Claim", outcome: Outcome, *, until: float) -> Report:
        """Record the answer. While the database is away it stays in hand for as long as the activity may run.

        Lost, it would have to be looked up, and at a gateway without keys a link would never come back. An
        answer that tells nothing is not worth the wait; and a `NotSent` must not be recorded a second time,
        should the first have been committed after all (D5).
        """
        while True:
            try:
                async with self._context.database.transaction() as session:
                    return await record(session, claim.attempt, outcome, send=claim.send)
            except (SQLAlchemyError, OSError):
                worthless = isinstance(outcome, NotSent | Unknown)
                if worthless or time.monotonic() + KEEPING_PAUSE > until:
                    raise
            await asyncio.sleep(KEEPING_PAUSE)

    async def _claim(self, task: SendAttempt) -> "Claim | Report":
        """Commit the intent and claim the send, or say why nothing is sent."""
        async with self._context.database.transaction() as session:
            checkout = await checkouts.lock(session, task.checkout_id)
            if checkout is None:
                raise Gone(task.checkout_id)
            made = await attempts.of_checkout(session, task.checkout_id)  # held with their checkout
            attempt = next((each for each in made if each.id == task.attempt_id), None)
            if attempt is not None and _answered(attempt):
                return report_of(attempt)
            if CheckoutStatus(checkout.status).final:
                return Report(kind=Kind.STOPPED, status=AttemptStatus.NOT_SENT)
            if any(each.number > task.number for each in made):
                # Gone on to another account: while this process was stopped (W5), or in a run that is lost
                # and walks the same plan anew (T3). It went on because this attempt was definitely negative.
                return _passed_by(attempt)
            if task.only_known and (attempt is None or attempt.sent_at is None):
                return _passed_by(attempt)
            blocked = any(each.number < task.number and attempts.may_hold_money(each) for each in made)
            if blocked and (attempt is None or attempt.sent_at is None):
                return await self._blocked(session, task)
            person = await personal.of(session, checkout)
            freezes = await switches.around(session, task.account)
            charges_frozen = Switch.CHARGES in freezes
            if attempt is None or attempt.sent_at is None:
                if Switch.CHARGES in freezes.everywhere:
                    if await last_told(session, checkout.id) != "charges.frozen":
                        tell(session, checkout.id, "charges.frozen", account=task.account)
                    return Report(kind=Kind.FROZEN, status=AttemptStatus.NOT_SENT, detail=CHARGES_FROZEN)
                if attempt is not None and (charges_frozen or await self._too_old(session, checkout, made)):
                    return report_of(attempt)
            if attempt is None:
                why = await self._ineligible(session, checkout, person, task, freezes, made)
                if why is not None:
                    tell(session, checkout.id, "account.skipped", account=task.account, reason=why)
                    return Report(kind=Kind.EXCLUDED, status=AttemptStatus.NOT_SENT, detail=why)
                claimed = await attempts.intend_and_claim(
                    session,
                    self._new_attempt(checkout, person, task),
                    expires_after=self._context.settings.action_expires_after,
                )
            else:
                claimed = await attempts.claim_first_send(session, task.attempt_id)
            first = claimed is not None
            held = blocked or charges_frozen or task.only_known
            if claimed is None and not held and self._may_resend(attempt, looked_up=task.looked_up):
                claimed = await attempts.claim_resend(session, task.attempt_id)
            if claimed is not None:
                if checkout.status != CheckoutStatus.PROCESSING:
                    await checkouts.advance(
                        session, checkout.id, CheckoutStatus.PROCESSING, next_action=None, review_reason=None
                    )
                kind = "attempt.sent" if first else "attempt.sent_again"
                tell(session, checkout.id, kind, attempt_id=task.attempt_id, account=task.account)
        if claimed is None:
            return await self._look_up(task)
        return Claim(checkout=checkout, person=person, attempt=claimed, send=claimed.sends, first=first)

    @staticmethod
    async def _blocked(session: AsyncSession, task: SendAttempt) -> Report:
        """An earlier attempt may hold or take money: nothing is sent, and soon a person knows (I9, I11).

        Usually a refund of late money is about to end: raises Unsettled the first times.
        """
        if activity.info().attempt < BLOCKED_TRIES:
            raise Unsettled(f"an attempt before {task.attempt_id}")
        message = f"{task.account} is not asked while an earlier attempt may hold money"
        await alert(session, "attempt.blocked", task.attempt_id, message)
        return Report(
            kind=Kind.BLOCKED, status=AttemptStatus.NOT_SENT, detail="an earlier attempt is unsettled"
        )

    async def _ineligible(
        self,
        session: AsyncSession,
        checkout: Checkout,
        person: Person,
        task: SendAttempt,
        freezes: Freezes,
        made: Sequence[Attempt],
    ) -> str | None:
        if Switch.CHARGES in freezes.here:
            return Exclusion.FROZEN
        if await self._too_old(session, checkout, made):
            return START_EXPIRED
        if Switch.FAILOVER in freezes and any(each.account != task.account for each in made):
            return FAILOVER_FROZEN
        if task.recheck:
            exclusion = self._context.router.recheck(task.account, route_request(checkout, person))
            if exclusion is not None:
                return exclusion
        card = card_of(self._context, person, task.account)
        if card is not None and task.method is MethodType.CARD:
            declines = await attempts.declines_of_card(session, card[1])
            if declines >= self._context.settings.max_declines_per_card:
                return "declines_per_card"
        # Last: a probe that is claimed has to be sent.
        return await self._unhealthy(session, task) if task.recheck else None

    async def _too_old(self, session: AsyncSession, checkout: Checkout, made: Sequence[Attempt]) -> bool:
        """Nobody expects the charge any more: nothing has moved in all the time that an outage of ours took,
        neither since the checkout was accepted nor since the account before said no.

        Where a person or an operator's switch was waited for, they and their own deadline decide.
        """
        moved = [each.ended_at or each.closed_at or each.created_at for each in made]
        patience = timedelta(seconds=self._context.settings.start_within)
        if datetime.now(UTC) - max(moved, default=checkout.created_at) <= patience:
            return False
        if checkout.status == CheckoutStatus.IN_REVIEW:
            return False
        return await last_told(session, checkout.id) != "charges.frozen"

    async def _unhealthy(self, session: AsyncSession, task: SendAttempt) -> Exclusion | None:
        """Whether an operator's order or an open circuit keeps the account out now. A probe is claimed."""
        health = self._context.health
        if health.snapshot.stopped(task.account):
            return Exclusion.DISABLED
        match health.snapshot.standing(task.account, task.method, health.now()):
            case Standing.CLEAR:
                return None
            case Standing.BLOCKED:
                return Exclusion.CIRCUIT_OPEN
            case Standing.PROBE:
                claimed = await health.claim_probe(session, task.account, task.method)
                return None if claimed else Exclusion.CIRCUIT_OPEN

    def _new_attempt(self, checkout: Checkout, person: Person, task: SendAttempt) -> Attempt:
        card = card_of(self._context, person, task.account)
        return Attempt(
            id=task.attempt_id,
            checkout_id=checkout.id,
            number=task.number,
            gateway=task.gateway,
            account=task.account,
            method=task.method,
            status=AttemptStatus.STARTED,
            return_url=checkout.return_url or f"{self._context.settings.public_url}/returned",
            card=card[1] if card is not None and task.method is MethodType.CARD else None,
        )

    def _may_resend(self, attempt: Attempt | None, *, looked_up: bool) -> bool:
        """Only under a key that the gateway surely still knows; long after the send, only after a look-up.

        Soon after it, this is the activity repeated after its worker's death. Later it is a run that was
        started again or reset, which knows nothing of what it did before (T3, T4): it looks first. One that
        has looked does so again where an outage of ours kept it from sending until that was long ago (D2).
        """
        if attempt is None or attempt.sent_at is None:
            return False
        life = self._context.accounts.known[attempt.account].capabilities.key_life
        if life is None:
            return False
        now = datetime.now(UTC)
        patience = timedelta(seconds=self._context.settings.resend_unlooked_for)
        info = activity.info()
        looked = info.started_time - info.scheduled_time
        if (looked if looked_up else now - (attempt.last_sent_at or attempt.sent_at)) > patience:
            return False
        return now - attempt.sent_at < life - KEY_LIFE_MARGIN

    def _charge_request(self, claim: Claim) -> ChargeRequest:
        """Built from the recorded rows alone, so that every send of an attempt has equal bytes (I8).

        Attempts made before their `return_url` and `expires_at` were kept take them from the settings.
        """
        checkout, person, attempt = claim.checkout, claim.person, claim.attempt
        card = card_of(self._context, person, attempt.account)
        settings = self._context.settings
        return ChargeRequest(
            reference=attempt.id,
            idempotency_key=f"{attempt.id}:charge",
            amount=checkout.amount,
            currency=checkout.currency,
            capture_method=CaptureMethod(checkout.capture_method),
            method=person.method.model_copy(
                update={
                    "type": MethodType(attempt.method),
                    "tokens": {} if card is None else {attempt.gateway: card[0]},
                }
            ),
            customer=person.customer,
            return_url=attempt.return_url or checkout.return_url or f"{settings.public_url}/returned",
            expires_at=attempt.expires_at
            or attempt.created_at + timedelta(seconds=settings.action_expires_after),
            challenge=challenged(checkout),
        )

    @activity.defn
    async def look_up_attempt(self, task: LookUpAttempt) -> Report:
        """Ask the gateway what became of the attempt, and record it."""
        return await self._look_up(task, believe_not_found=task.believe_not_found)

    @activity.defn
    async def close_attempt(self, task: AttemptTask) -> Report:
        """Close the page, challenge or prompt, so that the customer cannot pay any more."""
        checkout, attempt = await self._rows(task)
        if AttemptStatus(attempt.status).settled or attempt.sent_at is None:
            return report_of(attempt)
        outcome = await self._context.accounts.gateway(task.account).close(
            await self._context.handle(checkout, attempt)
        )
        if isinstance(outcome, Approved):
            outcome = _checked(outcome, checkout, attempt)
        async with self._context.database.transaction() as session:
            if isinstance(outcome, Canceled) and not self._fence(task.account):
                await attempts.lock(session, attempt.id, checkout.id)
                await attempts.change(session, attempt.id, closed_at=datetime.now(UTC))
                tell(session, checkout.id, "attempt.page_closed", attempt_id=attempt.id)
                return Report(kind=Kind.CLOSED, status=AttemptStatus(attempt.status))
            if isinstance(outcome, NotSent):
                outcome = Unknown(detail=outcome.detail)
            return await record(session, attempt, outcome)

    async def _look_up(self, task: AttemptTask, *, believe_not_found: bool = False) -> Report:
        checkout, attempt = await self._rows(task)
        if AttemptStatus(attempt.status).settled or attempt.sent_at is None:
            return report_of(attempt)
        answer = await self._context.accounts.gateway(task.account).look_up(
            await self._context.handle(checkout, attempt)
        )
        open_page = attempt.page_url is not None and attempt.closed_at is None
        outcome: Outcome = (
            answer
            if isinstance(answer, Unknown)
            else conclude(
                answer.payments,
                reference=attempt.id,
                amount=checkout.amount,
                currency=checkout.currency,
                capture_method=CaptureMethod(checkout.capture_method),
                page=open_page,
            )
        )
        if isinstance(outcome, NotFound) and open_page:
            outcome = Pending(detail="nobody has paid on the page yet")
        async with self._context.database.transaction() as session:
            if isinstance(outcome, NotFound) and believe_not_found:
                row = await attempts.lock(session, attempt.id, checkout.id)
                # What another process learnt or sent meanwhile is newer than this look-up.
                as_asked = (row.status, row.sends, row.detail) == (
                    attempt.status,
                    attempt.sends,
                    attempt.detail,
                )
                if as_asked and await attempts.record(session, row.id, AttemptStatus.NOT_FOUND, detail=None):
                    tell(
                        session, checkout.id, "attempt.not_found", attempt_id=attempt.id, account=task.account
                    )
                    measuring.attempt_ended(session, row, AttemptStatus.NOT_FOUND)
                    return Report(kind=Kind.NOT_FOUND, status=AttemptStatus.NOT_FOUND)
            return await record(session, attempt, outcome)

    def _fence(self, account: str) -> bool:
        return self._context.accounts.known[account].capabilities.fence

    async def _rows(self, task: AttemptTask) -> tuple[Checkout, Attempt]:
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            attempt = await attempts.get(session, task.attempt_id)
        if checkout is None or attempt is None:
            raise Gone(task.attempt_id)
        return checkout, attempt
