"""The operators' page about one checkout, put together from what is kept."""

from typing import Final
from urllib.parse import quote

from api.candidates import exclusion_of
from api.runs import run_id
from api.schemas_transactions import (
    Action,
    Candidate,
    CheckoutDetail,
    MerchantView,
    NextGateway,
    TimelineEntry,
)
from api.services import Services
from api.telling import told
from api.views import checkout_view
from api.views_admin import (
    attempt_detail,
    method_view,
    notification_view,
    record_views,
    refund_detail,
    webhook_view,
)
from domain.checkout import CheckoutStatus
from domain.dispute import BARRING
from storage.checkout_story import Story

_TAKEN: Final = frozenset({"attempt.sent", "account.skipped", "account.choice_refused"})
"""After one of these a choice of the next account waits no more."""
_CHOOSABLE: Final = frozenset({CheckoutStatus.PROCESSING, CheckoutStatus.REQUIRES_ACTION})


def detail_of(parts: Services, story: Story, frozen: frozenset[str]) -> CheckoutDetail:
    """`frozen`: the accounts that operators have frozen for charges."""
    row = story.checkout
    attempts = {attempt.id: attempt for attempt in story.attempts}
    return CheckoutDetail(
        checkout=checkout_view(row, story.attempts, story.disputes, story.person),
        merchant=MerchantView(id=story.merchant.id, name=story.merchant.name),
        account=row.account,
        method=method_view(story.person.method),
        allow_redirect=row.allow_redirect,
        gateway_choice=row.gateway_choice,
        return_url=row.return_url,
        notification_url=row.notification_url,
        attempts=[attempt_detail(attempt) for attempt in story.attempts],
        refunds=[refund_detail(refund, row.currency) for refund in story.refunds],
        timeline=[
            TimelineEntry(
                at=event.at,
                kind=event.kind,
                attempt_id=event.attempt_id,
                text=told(event, row.currency, attempts),
                data=event.data,
            )
            for event in story.timeline
        ],
        webhooks=[webhook_view(event) for event in story.webhooks],
        notifications=[notification_view(each) for each in story.notifications],
        record=record_views(story.record, story.names),
        candidates=_candidates(parts, story, frozen),
        next_gateway=_next_gateway(story),
        actions=_actions(story),
        temporal_url=_temporal_url(parts, row.id),
    )


def _candidates(parts: Services, story: Story, frozen: frozenset[str]) -> list[Candidate]:
    if CheckoutStatus(story.checkout.status) not in _CHOOSABLE:
        return []
    return [
        Candidate(
            gateway=account.gateway,
            account=name,
            exclusion=exclusion_of(parts, story.checkout, story.person, name, frozen),
        )
        for name, account in sorted(parts.accounts.known.items())
    ]


def _next_gateway(story: Story) -> NextGateway | None:
    """The last choice, where nothing has come of it yet."""
    if CheckoutStatus(story.checkout.status) not in _CHOOSABLE:
        return None
    chosen: str | None = None
    for event in story.timeline:
        if event.kind == "account.chosen":
            chosen = event.data["account"]
        elif event.kind in _TAKEN and event.data.get("account") == chosen:
            chosen = None
    return None if chosen is None else NextGateway(account=chosen)


def _actions(story: Story) -> list[Action]:
    row = story.checkout
    status = CheckoutStatus(row.status)
    paid = next((each for each in story.attempts if each.id == row.paid_attempt_id), None)
    left = 0 if paid is None else paid.amount_captured - paid.amount_refunded - paid.amount_reserved
    may = {
        Action.CAPTURE: status is CheckoutStatus.REQUIRES_CAPTURE,
        Action.CANCEL: not status.final,
        Action.REFUND: left > 0 and not any(dispute.status in BARRING for dispute in story.disputes),
        Action.NEXT_GATEWAY: status in _CHOOSABLE,
        Action.DECIDE: status is CheckoutStatus.IN_REVIEW,
    }
    return [action for action in Action if may[action]]


def _temporal_url(parts: Services, checkout_id: str) -> str | None:
    base = parts.settings.temporal_ui_url
    if base is None:
        return None
    namespace = quote(parts.settings.temporal_namespace, safe="")
    return f"{base.rstrip('/')}/namespaces/{namespace}/workflows/{quote(run_id(checkout_id), safe='')}"
