from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError

from api import schemas_answers
from api.schemas_answers import (
    AttemptView,
    Checkout,
    CountrySignals,
    CustomerView,
    ExcludedView,
    Page,
    PlannedView,
    RoutingView,
)
from domain.attempt import AttemptStatus
from domain.checkout import CaptureMethod, CheckoutStatus
from domain.route import CountrySource, Exclusion

AT = datetime(2026, 6, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

CHECKOUT = Checkout(
    id="co_1",
    status=CheckoutStatus.SUCCEEDED,
    review_reason=None,
    reference="order-1001",
    amount=12500,
    currency="NGN",
    amount_captured=12500,
    amount_refunded=0,
    gateway="flutterwave",
    capture_method=CaptureMethod.AUTOMATIC,
    next_action=None,
    decline=None,
    routing=RoutingView(
        country="NG",
        country_source=CountrySource.BIN,
        bin="539983",
        policy_version=7,
        signals=CountrySignals(bin="NG", ip=None, billing="NG"),
        disagreement=False,
        network="mastercard",
        blocked_by=None,
        plan=[PlannedView(gateway="flutterwave", account="flutterwave", reason="country_map")],
        excluded=[ExcludedView(gateway="stripe", account="stripe", reason=Exclusion.NO_TOKEN)],
    ),
    disputes=[],
    attempts=[
        AttemptView(
            id="att_1_1",
            number=1,
            gateway="flutterwave",
            account="flutterwave",
            status=AttemptStatus.CAPTURED,
            gateway_payment_id="4567890",
            decline=None,
            amount_captured=12500,
            amount_refunded=0,
            created_at=AT,
            ended_at=None,
        )
    ],
    customer=CustomerView(email=None, name=None, phone=None, ip=None, country=None),
    metadata={"cart": "42"},
    created_at=AT,
    updated_at=datetime(2026, 6, 1, 12, 0, tzinfo=UTC),
)


def test_a_checkout_is_answered_with_exactly_the_contracts_fields() -> None:
    answer = CHECKOUT.model_dump(mode="json")
    assert list(answer) == [
        *("id", "object", "status", "review_reason", "reference", "amount", "currency", "amount_captured"),
        *("amount_refunded", "gateway", "capture_method", "next_action", "decline", "routing", "attempts"),
        *("disputes", "customer", "metadata", "created_at", "updated_at"),
    ]
    assert set(answer["routing"]) == {
        "country",
        "country_source",
        "bin",
        "policy_version",
        "signals",
        "disagreement",
        "network",
        "plan",
        "excluded",
        "blocked_by",
    }
    assert set(answer["attempts"][0]) == {
        "id",
        "number",
        "gateway",
        "account",
        "status",
        "gateway_payment_id",
        "decline",
        "amount_captured",
        "amount_refunded",
        "created_at",
        "ended_at",
    }
    assert answer["object"] == "checkout"
    assert answer["routing"]["plan"] == [
        {
            "gateway": "flutterwave",
            "account": "flutterwave",
            "reason": "country_map",
            "health": None,
            "detail": None,
        }
    ]


def test_times_are_utc_with_a_z() -> None:
    answer = CHECKOUT.model_dump(mode="json")
    assert answer["created_at"] == "2026-06-01T12:00:00.123Z"
    assert answer["updated_at"] == "2026-06-01T12:00:00.000Z"
    with pytest.raises(ValidationError):
        CHECKOUT.model_validate({**CHECKOUT.model_dump(), "created_at": datetime(2026, 6, 1)})


def test_a_list_is_an_envelope() -> None:
    page = Page[Checkout](data=[CHECKOUT], has_more=True, next_cursor="c")
    answer = page.model_dump(mode="json")
    assert (answer["object"], answer["has_more"], answer["next_cursor"]) == ("list", True, "c")
    assert answer["data"] == [CHECKOUT.model_dump(mode="json")]


def test_every_field_of_every_answer_is_documented() -> None:
    views = [
        view
        for view in vars(schemas_answers).values()
        if isinstance(view, type)
        and issubclass(view, schemas_answers.View)
        and view is not schemas_answers.View
    ]
    assert len(views) >= 9
    undocumented = [
        f"{view.__name__}.{name}"
        for view in views
        for name, field in view.model_fields.items()
        if not field.description
    ]
    assert undocumented == []


def test_answers_appear_in_openapi() -> None:
    app = FastAPI()

    @app.get("/v1/checkouts")
    def search() -> Page[Checkout]:
        return Page(data=[CHECKOUT], has_more=False, next_cursor=None)

    schemas: dict[str, Any] = app.openapi()["components"]["schemas"]
    assert schemas["Checkout"]["properties"]["created_at"]["format"] == "date-time"
    assert issubclass(Checkout, BaseModel)
