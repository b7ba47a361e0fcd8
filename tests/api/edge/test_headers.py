import httpx
import pytest

from api.errors import IdempotencyKeyInvalid, IdempotencyKeyMissing
from api.schemas_headers import parse_idempotency_key, parse_prefer_wait
from tests.api.edge.toy import CANARY, VALID, assert_problem


@pytest.mark.parametrize(
    "key", ["1", "order-1001", "8e03978e-40d5-43e8-bc93-6894a57f9324", "x" * 255, '"quoted"', "~!"]
)
def test_keys_taken_as_they_are(key: str) -> None:
    assert parse_idempotency_key(key) == key


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "x" * 256, "a\n", "a\tb", "a\x00", "a\x7f", "\u00e9", "\u0661"]
)
def test_keys_refused(key: str) -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        parse_idempotency_key(key)


def test_no_key() -> None:
    with pytest.raises(IdempotencyKeyMissing):
        parse_idempotency_key(None)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "idempotency_key_missing"),
        ([("Idempotency-Key", "")], "idempotency_key_invalid"),
        ([("Idempotency-Key", f"{CANARY} x")], "idempotency_key_invalid"),
        ([("Idempotency-Key", f"{CANARY}\u00e9")], "idempotency_key_invalid"),
        ([("Idempotency-Key", CANARY + "x" * 255)], "idempotency_key_invalid"),
        ([("Idempotency-Key", "a"), ("Idempotency-Key", "b")], "idempotency_key_invalid"),
    ],
)
async def test_bad_keys_over_http(api: httpx.AsyncClient, headers: list[tuple[str, str]], code: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    assert_problem(await api.post("/v1/checkouts", json=VALID, headers=raw), 400, code)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("wait=10", 10.0),
        ("WAIT = 5", 5.0),
        ('wait="7"', 7.0),
        ("respond-async, wait=3", 3.0),
        ("wait=3;foo=bar, handling=lenient", 3.0),
        ("return=minimal, wait=1, wait=9", 1.0),
        ('foo="a, wait=9", wait=2', 2.0),
        ("wait=0", 0.0),
        ("wait=31", 30.0),
        ("wait=" + "9" * 400, 30.0),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=\u0661", None),
        ("wait=x, wait=5", None),
        ("waiting=5", None),
        ('"' * 1000, None),
    ],
)
def test_prefer_wait(value: str | None, seconds: float | None) -> None:
    assert parse_prefer_wait(value) == seconds


async def test_preferences_over_http_read_as_one(api: httpx.AsyncClient) -> None:
    headers = [("Idempotency-Key", "k"), ("Prefer", "respond-async"), ("Prefer", "wait=4")]
    answer = (await api.post("/v1/checkouts", json=VALID, headers=headers)).json()
    assert (answer["key"], answer["wait"]) == ("k", 4.0)
