"""From rows to answers."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from api.schemas_answers import (
    AttemptView,
    Checkout,
    CountrySignals,
    CustomerView,
    DeclineView,
    DisputeView,
    ExcludedView,
    NextActionView,
    PlannedView,
    RoutingView,
)
from domain.route import RoutePlan
from storage import tables
from storage.personal import Person


def checkout_view(
    row: tables.Checkout,
    attempts: Sequence[tables.Attempt],
    disputes: Sequence[tables.Dispute],
    person: Person,
) -> Checkout:
    route = None if row.routing is None else RoutePlan.model_validate(row.routing)
    return Checkout.model_validate(
        {
            "id": row.id,
            "status": row.status,
            "review_reason": row.review_reason,
            "reference": row.reference,
            "amount": row.amount,
            "currency": row.currency,
            "amount_captured": row.amount_captured,
            "amount_refunded": row.amount_refunded,
            "gateway": row.gateway,
            "capture_method": row.capture_method,
            "next_action": _next_action(row.next_action),
            "decline": _decline(row.decline),
            "routing": None if route is None else routing_view(route, row.payment_method.get("bin")),
            "attempts": [attempt_view(attempt) for attempt in attempts],
            "disputes": [_dispute(dispute) for dispute in disputes],
            "customer": CustomerView(
                **{name: getattr(person.customer, name) for name in CustomerView.model_fields}
            ),
            "metadata": row.meta,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


def routing_view(route: RoutePlan, card_bin: str | None) -> RoutingView:
    return RoutingView(
        country=route.country.code,
        country_source=route.country.source,
        bin=card_bin,
        policy_version=route.policy_version,
        signals=CountrySignals(
            bin=route.country.by_bin, ip=route.country.by_ip, billing=route.country.by_billing
        ),
        disagreement=route.country.disagreement,
        network=None if route.inputs is None else route.inputs.network,
        blocked_by=route.blocked_by,
        plan=[
            PlannedView(
                gateway=entry.gateway,
                account=entry.account,
                reason=entry.reason,
                health=entry.health,
                detail=entry.detail,
            )
            for entry in route.plan
        ],
        excluded=[
            ExcludedView(gateway=entry.gateway, account=entry.account, reason=entry.reason)
            for entry in route.excluded
        ],
    )


def routing_json(route: RoutePlan, card_bin: str | None) -> bytes:
    """The same written straight away: holding our own answer to its schema takes longer than deciding."""
    country = route.country
    return to_json(
        {
            "country": country.code,
            "country_source": country.source,
            "bin": card_bin,
            "policy_version": route.policy_version,
            "signals": {"bin": country.by_bin, "ip": country.by_ip, "billing": country.by_billing},
            "disagreement": country.disagreement,
            "network": None if route.inputs is None else route.inputs.network,
            "plan": [
                {
                    "gateway": entry.gateway,
                    "account": entry.account,
                    "reason": entry.reason,
                    "health": entry.health,
                    "detail": entry.detail,
                }
                for entry in route.plan
            ],
            "excluded": [
                {"gateway": entry.gateway, "account": entry.account, "reason": entry.reason}
                for entry in route.excluded
            ],
            "blocked_by": route.blocked_by,
        }
    )


def attempt_view(row: tables.Attempt) -> AttemptView:
    return AttemptView.model_validate(
        {
            **{name: getattr(row, name) for name in AttemptView.model_fields if name != "decline"},
            "decline": _decline(row.decline),
        }
    )


def _dispute(row: tables.Dispute) -> DisputeView:
    return DisputeView.model_validate({name: getattr(row, name) for name in DisputeView.model_fields})


def _next_action(stored: dict[str, Any] | None) -> NextActionView | None:
    return None if stored is None else NextActionView.model_validate(stored)


def _decline(stored: dict[str, Any] | None) -> DeclineView | None:
    return None if stored is None else DeclineView.model_validate(stored)
