"""What a gateway for tests does with one call, as a script says it: see `tests.workflow.bank`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.outcome import NextAction, NextActionType, NotSentCause, PaymentStatus


@dataclass(frozen=True)
class Play:
    """What the gateway does with one call: `effect` on its side, then what the caller hears."""

    effect: PaymentStatus | None = PaymentStatus.CAPTURED
    heard: str = "truth"
    """`truth`, `lost` (effect, no answer), `not_sent`, `never` (no effect, no answer)."""
    decline: Decline | None = None
    action: NextAction | None = None
    amount: int | None = None
    cause: NotSentCause = NotSentCause.UNREACHABLE
    retry_after: float | None = None
    closable: bool = True
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """Runs after the effect and before the answer: where a test kills things."""


def approve() -> Play:
    return Play()


def decline(category: DeclineCategory, code: DeclineCode = DeclineCode.GENERIC_DECLINE) -> Play:
    return Play(
        effect=PaymentStatus.DECLINED, decline=Decline(category=category, code=code, message="scripted")
    )


def action(*, url: str | None = "https://gateway.example/page", closable: bool = True) -> Play:
    kind = NextActionType.REDIRECT if url else NextActionType.MOBILE_PROMPT
    return Play(
        effect=PaymentStatus.REQUIRES_ACTION, action=NextAction(type=kind, url=url), closable=closable
    )


def pending() -> Play:
    return Play(effect=PaymentStatus.PENDING, closable=False)


def lost(play: Play) -> Play:
    """The gateway acts, its answer is lost."""
    return replace(play, heard="lost")


def never() -> Play:
    """The gateway does not act, and no answer comes."""
    return Play(effect=None, heard="never")


def not_sent(cause: NotSentCause = NotSentCause.UNREACHABLE, retry_after: float | None = None) -> Play:
    return Play(effect=None, heard="not_sent", cause=cause, retry_after=retry_after)


def wrong_amount(amount: int) -> Play:
    return Play(amount=amount)


def then(play: Play, meanwhile: Callable[[], Awaitable[None]]) -> Play:
    return replace(play, meanwhile=meanwhile)
