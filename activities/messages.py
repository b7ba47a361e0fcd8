"""What passes between workflows and activities. It all lies in Temporal's histories: no personal data here,
no tokens, no links; activities read those from the database."""

from enum import StrEnum

from domain.attempt import AttemptStatus
from domain.checkout import CheckoutStatus, MethodType, ReviewReason
from domain.decline import DeclineCategory
from domain.dispute import DisputeStatus
from domain.outcome import Frozen
from domain.refund import RefundState
from domain.screening import ReviewDefault, Verdict


class Timings(Frozen):
    """Durations and limits, decided once per checkout so that a change of settings never breaks a replay.

    Seconds where nothing else is said; the meaning of each is in `config/settings.py`.
    """

    charge_timeout: float
    look_up_timeout: float
    look_up_intervals: tuple[float, ...]
    action_poll_intervals: tuple[float, ...]
    unresolved_after: float
    action_expires_after: float
    max_attempts: int
    max_not_sent_retries: int
    not_sent_backoff: float
    max_resends: int
    watch_intervals: tuple[float, ...]
    watch_for: float


class Step(Frozen):
    """One account of the plan, with what the workflow must know of its gateway."""

    gateway: str
    account: str
    method: MethodType
    reason: str
    keyed: bool
    """Its idempotency keys make a resend safe; without them it is only looked up."""
    fence: bool
    """A confirmed close is final."""
    quiet_period: float
    page_possible: bool
    """The customer may be sent to its page to correct a decline."""
    authorization_life: float
    mute: bool = False
    """It cannot be asked: what is unclear is sent again under its key, which answers as the first time."""


class ReviewTerms(Frozen):
    """How long a person has to decide about the risk, and what follows where nobody does."""

    expires_after: float
    """Seconds."""
    default: ReviewDefault


class Plan(Frozen):
    country: str | None
    manual_capture: bool
    steps: tuple[Step, ...]
    timings: Timings
    verdict: Verdict = Verdict.ALLOW
    """What follows from screening. Not set where nothing does: histories stay small."""
    review: ReviewTerms | None = None


class PlanCheckout(Frozen):
    checkout_id: str


class ChooseAccount(Frozen):
    """An operator wants the next attempt to go to this account."""

    checkout_id: str
    account: str


class Chosen(Frozen):
    step: Step | None
    """None: the account cannot take it now."""
    why: str | None = None


class AttemptTask(Frozen):
    """Which attempt an activity is about."""

    checkout_id: str
    attempt_id: str
    account: str


class SendAttempt(AttemptTask):
    number: int
    gateway: str
    method: MethodType
    recheck: bool = False
    """Eligibility is checked again first: time has passed since the plan."""
    looked_up: bool = False
    """A look-up has just found nothing of an earlier send."""
    only_known: bool = False
    """Nothing is sent any more; what was sent before is reported or looked up."""


class LookUpAttempt(AttemptTask):
    believe_not_found: bool = False
    """The fence or quiet period has passed and the look-up before found nothing: another one is proof."""


class CompensateAttempt(AttemptTask):
    overdue: bool = False
    """The money should be back by now: a person has to know."""


class CaptureAttempt(AttemptTask):
    amount: int | None = None
    """Minor units; None: all of it."""


class Kind(StrEnum):
    """What came of a call, as the workflow sees it."""

    APPROVED = "approved"
    ACTION_REQUIRED = "action_required"
    DECLINED = "declined"
    CANCELED = "canceled"
    CLOSED = "closed"
    """The page is closed, but a payment that was under way may still arrive."""
    NOT_SENT = "not_sent"
    PENDING = "pending"
    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"
    MISMATCH = "mismatch"
    BLOCKED = "blocked"
    """Not asked: an attempt before this one may hold or take money."""
    EXCLUDED = "excluded"
    """Not asked: the account is no longer eligible."""
    LATE = "late"
    """Money, but the checkout does not count it: it is final or has gone on. It goes back."""
    STOPPED = "stopped"
    """Not asked: the checkout is final."""
    FROZEN = "frozen"
    """Not asked now: an operator has frozen charges. Nothing of it has left."""


CHARGES_FROZEN = "charges are frozen"
"""`Report.detail` of what an operator's switch refused."""


class Report(Frozen):
    """What came of one call and what is recorded of the attempt now."""

    kind: Kind
    status: AttemptStatus
    decline: DeclineCategory | None = None
    retry_after: float | None = None
    detail: str | None = None

    @property
    def negative(self) -> bool:
        """Definitely without money: the next account may be asked (I9)."""
        return self.kind is Kind.EXCLUDED or self.status.negative


class FinishCheckout(Frozen):
    checkout_id: str
    status: CheckoutStatus
    review_reason: ReviewReason | None = None
    refused: bool = False
    """Screening refuses it, or the person who was asked: nothing was sent."""


class Finished(Frozen):
    """The status that the checkout really has: an earlier final one stays."""

    status: CheckoutStatus


class DeliverNotification(Frozen):
    notification_id: str


class Delivery(StrEnum):
    """What became of a notification."""

    DELIVERED = "delivered"
    GONE = "gone"
    """The merchant's address answered 410: it wants no more of it."""
    GAVE_UP = "gave_up"


class Delivered(Frozen):
    result: Delivery


class Compensated(Frozen):
    """What the watcher's compensation has come to.

    `refunded`, `voided`; `disputed`: the money has gone back through the customer's bank; `adopted`: the
    checkout counts the money; `frozen`: an operator does not let the money go back now; `pending`; `nothing`.
    """

    result: str
    taken: bool = False
    """Pending, and the gateway has told that it has the refund."""


class RefundTask(Frozen):
    refund_id: str
    overdue: bool = False
    """It should have been decided by now: a person has to know."""


class RefundReport(Frozen):
    """How a refund stands."""

    status: RefundState
    taken: bool
    """The gateway has told that it has it."""
    retry_after: float | None = None
    """Seconds the gateway asked us to wait, where it did."""
    detail: str | None = None
    frozen: bool = False
    """Nothing is sent now: an operator has frozen it."""


class RefundsChecked(Frozen):
    """Whether the successes of an attempt's refunds stand as the gateway tells them now."""

    done: bool
    """False: not answered, or a refund is in another activity's hands; check again."""
    taken_back: int = 0
    detail: str | None = None


class DisputeReport(Frozen):
    """How the disputes of an attempt stand."""

    answered: bool
    """The gateway has told."""
    statuses: tuple[DisputeStatus, ...] = ()
    detail: str | None = None

    @property
    def open(self) -> bool:
        return any(status.open for status in self.statuses)


class FindDisputes(Frozen):
    account: str


class DisputedAttempts(Frozen):
    """Attempts of ours whose disputes have to be looked up."""

    attempts: tuple[AttemptTask, ...]
