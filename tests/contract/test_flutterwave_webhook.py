"""Flutterwave's webhooks, credentials and declared figures."""

import json
from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from gateways.base import (
    InvalidSignature,
)
from gateways.flutterwave import REGISTRATION, FlutterwaveCredentials
from tests.contract.flutterwave_wire import (
    NOW,
    REFERENCE,
    Wire,
    transaction,
)


def read(body: bytes, **headers: str) -> tuple[str, str | None, str | None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    event = Wire({}).gateway.read_webhook(body, named, NOW)
    assert event.event_id is None
    return event.kind, event.reference, event.payment_id


@pytest.mark.parametrize("offered", ["the-hash", "the-hash-before"])
def test_a_webhook_with_a_known_hash_is_a_hint(offered: str) -> None:
    body = json.dumps({"event": "charge.completed", "data": transaction()}).encode()
    assert read(body, verif_hash=offered) == ("charge.completed", REFERENCE, "288200108")


@pytest.mark.parametrize("offered", [None, "", "the-has", "the-hash ", "THE-HASH", "the-h\u00e4sh", "\ud800"])
def test_a_webhook_with_any_other_hash_is_refused(offered: str | None) -> None:
    headers = {} if offered is None else {"verif_hash": offered}
    with pytest.raises(InvalidSignature):
        read(b"{}", **headers)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"{}", ("unknown", None, None)),
        (b"[]", ("unreadable", None, None)),
        (b"{", ("unreadable", None, None)),
        (b"[" * 100_000, ("unreadable", None, None)),
        (b"\xff\xfe", ("unreadable", None, None)),
        (
            b'{"txRef":"att_1","id":12,"event.type":"CARD_TRANSACTION"}',
            ("CARD_TRANSACTION", "att_1", "12"),
        ),
        (
            b'{"event":"refund.completed","data":{"id":5,"TransactionId":12,"status":"completed-mpgs"}}',
            ("refund.completed", None, "12"),
        ),
        (
            b'{"event":"a b\\u0000","data":{"tx_ref":"x\\u0000y","id":{"a":1}}}',
            ("unknown", None, None),
        ),
    ],
)
def test_a_verified_webhook_never_fails_to_be_read(
    body: bytes, hint: tuple[str, str | None, str | None]
) -> None:
    assert read(body, verif_hash="the-hash") == hint


@pytest.mark.parametrize("value", ["", " ", "a b", "h\u00e4sh", "line\n"])
def test_a_secret_that_could_not_be_sent_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ValidationError) as fault:
        FlutterwaveCredentials(secret_key=SecretStr("key"), secret_hash=SecretStr(value))
    assert "secret_hash" in str(fault.value)


def test_not_found_is_believed_only_after_every_call_has_surely_ended() -> None:
    flutterwave_gives_up_after = timedelta(seconds=28)
    defaults = FlutterwaveCredentials(secret_key=SecretStr("k"), secret_hash=SecretStr("h"))
    our_call = timedelta(seconds=defaults.connect_timeout + defaults.read_timeout)
    assert REGISTRATION.capabilities.quiet_period >= 5 * (flutterwave_gives_up_after + our_call)
    assert REGISTRATION.capabilities.key_life is None
