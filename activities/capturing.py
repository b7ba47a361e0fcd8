"""Take or release an authorization."""

from datetime import timedelta

from temporalio import activity

from activities import measuring
from activities.context import Context
from activities.errors import Gone, Unsettled
from activities.messages import CHARGES_FROZEN, AttemptTask, CaptureAttempt, Kind, Report
from activities.recording import report_of
from domain.attempt import AttemptStatus
from domain.checkout import CheckoutStatus
from domain.outcome import Approved, Canceled, Declined, Outcome, PaymentStatus
from domain.switches import Switch
from gateways.base import CaptureRequest, Found, VoidRequest
from storage import attempts, checkouts, switches
from storage.events import capture_under_way, tell
from storage.tables import Attempt, Checkout


class Capturing:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def capture_attempt(self, task: CaptureAttempt) -> Report:
        """Capture `task.amount` of the authorization. Raises Unsettled while the answer is unclear.

        While charges are frozen it is refused; one that may have been sent before is looked up only.
        """
        checkout, attempt = await self._authorized(task)
        if attempt.status != AttemptStatus.AUTHORIZED:
            return report_of(attempt)
        amount = checkout.amount if task.amount is None else task.amount
        gateway = self._context.accounts.gateway(task.account)
        handle = await self._context.handle(checkout, attempt)
        if not await self._may_send(task, amount):
            if activity.info().attempt == 1:
                async with self._context.database.transaction() as session:
                    tell(session, checkout.id, "capture.frozen", attempt_id=attempt.id)
                return Report(kind=Kind.FROZEN, status=AttemptStatus.AUTHORIZED, detail=CHARGES_FROZEN)
            found = await gateway.look_up(handle)
            captured = _amount_captured(found) if isinstance(found, Found) else 0
            if captured == 0:
                raise self._unsettled(f"capture of {attempt.id}: {CHARGES_FROZEN}")
            return await self._captured(checkout, attempt, captured)
        outcome: Outcome = await gateway.capture(
            CaptureRequest(handle=handle, amount=amount, idempotency_key=f"{attempt.id}:capture:{amount}")
        )
        match outcome:
            case Approved(payment=payment) if payment.status is PaymentStatus.CAPTURED:
                captured = payment.amount_captured
            case Canceled():
                return await self._voided(checkout, attempt)
            case Declined(decline=decline):
                async with self._context.database.transaction() as session:
                    tell(
                        session, checkout.id, "capture.refused", attempt_id=attempt.id, detail=decline.message
                    )
                return Report(
                    kind=Kind.DECLINED,
                    status=AttemptStatus.AUTHORIZED,
                    decline=decline.category,
                    detail=decline.message,
                )
            case _:
                found = await gateway.look_up(handle)
                captured = _amount_captured(found) if isinstance(found, Found) else 0
                if captured == 0:
                    raise self._unsettled(f"capture of {attempt.id} is {outcome.kind}")
        return await self._captured(checkout, attempt, captured)

    @activity.defn
    async def void_attempt(self, task: AttemptTask) -> Report:
        """Release the authorization. Raises Unsettled while the answer is unclear.

        A void that is refused because the money is taken already finds the payment captured (G16).
        """
        checkout, attempt = await self._authorized(task)
        if attempt.status != AttemptStatus.AUTHORIZED:
            return report_of(attempt)
        gateway = self._context.accounts.gateway(task.account)
        handle = await self._context.handle(checkout, attempt)
        outcome = await gateway.void(VoidRequest(handle=handle, idempotency_key=f"{attempt.id}:void"))
        if isinstance(outcome, Canceled):
            return await self._voided(checkout, attempt)
        found = await gateway.look_up(handle)
        captured = _amount_captured(found) if isinstance(found, Found) else 0
        if captured > 0:
            return await self._captured(checkout, attempt, captured)
        raise self._unsettled(f"void of {attempt.id} is {outcome.kind}")

    def _unsettled(self, what: str) -> Unsettled:
        """To be asked again as any unclear payment is looked up: soon at first, then less and less often."""
        pauses = self._context.settings.look_up_intervals
        pause = pauses[min(activity.info().attempt, len(pauses)) - 1]
        return Unsettled(what, pause=timedelta(seconds=pause))

    async def _captured(self, checkout: Checkout, attempt: Attempt, amount: int) -> Report:
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, checkout.id)
            if row.status == AttemptStatus.AUTHORIZED:
                await attempts.change(session, row.id, status=AttemptStatus.CAPTURED, amount_captured=amount)
                await checkouts.advance(
                    session, checkout.id, CheckoutStatus.SUCCEEDED, amount_captured=amount
                )
                tell(session, checkout.id, "attempt.captured", attempt_id=row.id, amount=amount)
                measuring.checkout_ended(session, CheckoutStatus.SUCCEEDED)
        return Report(kind=Kind.APPROVED, status=AttemptStatus.CAPTURED)

    async def _voided(self, checkout: Checkout, attempt: Attempt) -> Report:
        async with self._context.database.transaction() as session:
            row = await attempts.lock(session, attempt.id, checkout.id)
            if row.status == AttemptStatus.AUTHORIZED:
                await attempts.change(session, row.id, status=AttemptStatus.VOIDED)
                tell(session, checkout.id, "attempt.voided", attempt_id=row.id, account=row.account)
        return Report(kind=Kind.CANCELED, status=AttemptStatus.VOIDED)

    async def _may_send(self, task: CaptureAttempt, amount: int) -> bool:
        """Whether charges are not frozen. Before the first send it is told, so that the capture is made also
        where its run is lost with Temporal's data (T3)."""
        async with self._context.database.transaction() as session:
            if Switch.CHARGES in await switches.around(session, task.account):
                return False
            if await capture_under_way(session, task.checkout_id) is None:
                tell(session, task.checkout_id, "capture.sent", attempt_id=task.attempt_id, amount=amount)
            return True

    async def _authorized(self, task: AttemptTask) -> tuple[Checkout, Attempt]:
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            attempt = await attempts.get(session, task.attempt_id)
        if checkout is None or attempt is None:
            raise Gone(task.attempt_id)
        return checkout, attempt


def _amount_captured(found: Found) -> int:
    return max((payment.amount_captured for payment in found.payments), default=0)
