"""Whose webhooks are believed, and what they hint at."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from gateways.base import InvalidSignature, WebhookEvent
from gateways.registry import BadAccounts, load_accounts
from gateways.stripe import Stripe, StripeCredentials
from tests.contract.stripe_wire import REFERENCE, intent, refund, session

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def digest(body: bytes, at: int, secret: str) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def read(body: bytes, header: str | None = None, *, at: datetime = NOW) -> WebhookEvent:
    credentials = {"secret_key": "sk_test", "webhook_secret": "whsec_now", "base_url": "http://127.0.0.1:9"}
    gateway = Stripe(
        StripeCredentials.model_validate({**credentials, "previous_webhook_secret": "whsec_before"})
    )
    moment = int(at.timestamp())
    if header is None:
        header = f"t={moment},v1={digest(body, moment, 'whsec_now')}"
    return gateway.read_webhook(body, {"stripe-signature": header}, NOW)


def event(subject: object, kind: str = "payment_intent.succeeded") -> bytes:
    return json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"object": subject}}).encode()


BODY = event(intent())
T = int(NOW.timestamp())
GOOD = digest(BODY, T, "whsec_now")


def test_a_genuine_event_is_a_hint() -> None:
    assert read(BODY) == WebhookEvent(
        event_id="evt_1", kind="payment_intent.succeeded", reference=REFERENCE, payment_id="pi_1"
    )


@pytest.mark.parametrize("off", [-300, -1, 0, 1, 300])
def test_clocks_may_differ_a_little(off: int) -> None:
    assert read(BODY, at=NOW + timedelta(seconds=off)).reference == REFERENCE


@pytest.mark.parametrize("off", [-100_000, -301, 301, 100_000])
def test_neither_an_old_nor_a_future_signature_counts(off: int) -> None:
    with pytest.raises(InvalidSignature):
        read(BODY, at=NOW + timedelta(seconds=off))


@pytest.mark.parametrize(
    "header",
    [
        f"t={T},v1={'0' * 64},v1={GOOD}",
        f"t={T},v0={'0' * 64},v1={GOOD}",
        f"v1={GOOD},t={T}",
        f"t={T}, v1={GOOD}",
        f"t={T},v1={'é' * 10},v1={GOOD}",
        f"t={T},v1={digest(BODY, T, 'whsec_before')}",
        f"t={T},v1={digest(BODY, T, 'whsec_next')},v1={digest(BODY, T, 'whsec_before')}",
    ],
)
def test_one_good_signature_under_a_current_secret_is_enough(header: str) -> None:
    assert read(BODY, header).reference == REFERENCE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        "t=,v1=",
        f"t={T}",
        f"v1={GOOD}",
        f"t={T},v0={GOOD}",
        f"t={T},v1=",
        f"t={T},v1={GOOD.upper()}",
        f"t={T},v1={GOOD[:-1]}",
        f"t={T},v1={digest(BODY, T, 'whsec_other')}",
        f"t={T},v1={digest(BODY, T, '')}",
        f"t={T},v1={digest(BODY + b' ', T, 'whsec_now')}",
        f"t={T + 1},v1={GOOD}",
        f"t={T},t={T},v1={GOOD}",
        f"t=NaN,v1={GOOD}",
        f"t=-{T},v1={GOOD}",
        f"t={T}.0,v1={GOOD}",
        f"t={'9' * 5_000},v1={GOOD}",
        f"t=١٢٣,v1={GOOD}",
        ",".join([f"t={T}"] + [f"v1={'0' * 64}"] * 100 + [f"v1={GOOD}"]),
    ],
)
def test_everything_else_is_refused(header: str) -> None:
    with pytest.raises(InvalidSignature) as refused:
        read(BODY, header)
    assert str(refused.value) == ""


def test_no_header_at_all_is_refused() -> None:
    gateway = Stripe(StripeCredentials(secret_key=SecretStr("sk"), webhook_secret=SecretStr("whsec")))
    with pytest.raises(InvalidSignature):
        gateway.read_webhook(BODY, {}, NOW)


def test_the_raw_bytes_count() -> None:
    """The same event written differently is another body."""
    with pytest.raises(InvalidSignature):
        read(json.dumps(json.loads(BODY), indent=1).encode(), f"t={T},v1={GOOD}")


@pytest.mark.parametrize(
    ("subject", "reference", "payment_id"),
    [
        (session("complete", payment_intent="pi_1"), REFERENCE, "cs_1"),
        (session("open", metadata={}), REFERENCE, "cs_1"),
        (refund(), REFERENCE, "pi_1"),
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": {}}, None, "pi_1"),
        ({"object": "dispute", "id": "du_1", "payment_intent": {"id": "pi_1"}}, None, "pi_1"),
        ({"object": "charge", "id": "ch_1", "payment_intent": None}, None, None),
        ({"object": "payout", "id": "po_1", "metadata": []}, None, None),
        ({"object": "payment_intent", "id": 7, "metadata": {"attempt": 7}}, None, None),
        ({"object": "payment_intent", "id": "x" * 256, "metadata": {"attempt": ""}}, None, None),
        ("an object", None, None),
        (None, None, None),
    ],
)
def test_which_payment_an_event_is_about(subject: Any, reference: str | None, payment_id: str | None) -> None:
    hint = read(event(subject, "some.event"))
    assert hint == WebhookEvent(
        event_id="evt_1", kind="some.event", reference=reference, payment_id=payment_id
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"null", b"[]", b"{}", b'{"type": 7}', b'{"id": "evt_1"', b"[" * 200_000],
)
def test_a_genuine_body_that_makes_no_sense_is_unreadable(body: bytes) -> None:
    assert read(body) == WebhookEvent(event_id=None, kind="unreadable", reference=None, payment_id=None)


@pytest.mark.parametrize("missing", ["secret_key", "webhook_secret"])
def test_an_empty_secret_is_refused(missing: str) -> None:
    values = {"secret_key": "sk", "webhook_secret": "whsec", missing: ""}
    with pytest.raises(ValidationError):
        StripeCredentials.model_validate(values)


def test_credentials_do_not_show() -> None:
    credentials = StripeCredentials(secret_key=SecretStr("sk_live_x"), webhook_secret=SecretStr("whsec_x"))
    assert "_x" not in repr(credentials)
    assert "_x" not in credentials.model_dump_json()
    assert credentials.base_url == "https://api.stripe.com"


@pytest.mark.parametrize("base_url", ["api.stripe.com", "ftp://api.stripe.com", "https://", "https://a b"])
def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(ValidationError):
        StripeCredentials.model_validate({"secret_key": "s", "webhook_secret": "w", "base_url": base_url})


async def test_an_account_is_built_from_the_environment() -> None:
    accounts = load_accounts(
        {
            "GATEWAY_ACCOUNTS": "stripe-eu=stripe",
            "STRIPE_EU_SECRET_KEY": "sk_eu",
            "STRIPE_EU_WEBHOOK_SECRET": "whsec_eu",
        }
    )
    assert accounts.known["stripe-eu"].has_credentials
    assert not accounts.known["stripe"].has_credentials
    assert isinstance(accounts.gateway("stripe-eu"), Stripe)
    await accounts.aclose()
    with pytest.raises(BadAccounts, match="STRIPE_BASE_URL") as bad:
        load_accounts(
            {"STRIPE_SECRET_KEY": "sk_1", "STRIPE_WEBHOOK_SECRET": "whsec_1", "STRIPE_BASE_URL": "nowhere"}
        )
    assert "sk_1" not in str(bad.value)
