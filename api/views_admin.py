"""From rows to what operators see."""

from collections.abc import Mapping, Sequence

from api.refund_requests import refund_view
from api.schemas_transactions import (
    AttemptDetail,
    MethodView,
    NotificationView,
    RecordView,
    RefundDetail,
    WebhookView,
)
from api.views import attempt_view
from domain.checkout import PaymentMethod
from storage import tables


def method_view(method: PaymentMethod) -> MethodView:
    return MethodView(
        type=method.type, bin=method.bin, network=method.network, tokens_for=sorted(method.tokens)
    )


def attempt_detail(row: tables.Attempt) -> AttemptDetail:
    more = (
        "method",
        "sends",
        "sent_at",
        "last_sent_at",
        "closed_at",
        "expires_at",
        "detail",
        "amount_reserved",
    )
    return AttemptDetail.model_validate(
        {
            **attempt_view(row).model_dump(),
            **{name: getattr(row, name) for name in more},
            "has_page": row.page_url is not None,
        }
    )


def refund_detail(row: tables.Refund, currency: str) -> RefundDetail:
    more = ("kind", "gateway_refund_id", "sends", "sent_at")
    return RefundDetail.model_validate(
        {**refund_view(row, currency).model_dump(), **{name: getattr(row, name) for name in more}}
    )


def webhook_view(row: tables.WebhookEventRow) -> WebhookView:
    return WebhookView.model_validate({name: getattr(row, name) for name in WebhookView.model_fields})


def notification_view(row: tables.Notification) -> NotificationView:
    return NotificationView.model_validate(
        {name: getattr(row, name) for name in NotificationView.model_fields}
    )


def record_views(rows: Sequence[tables.AuditEntry], names: Mapping[str, str]) -> list[RecordView]:
    """`names`: operator's id -> its name."""
    return [
        RecordView(
            at=row.at,
            actor=row.actor,
            name=names.get(row.actor),
            action=row.action,
            reason=row.reason,
            after=row.after,
        )
        for row in rows
    ]
