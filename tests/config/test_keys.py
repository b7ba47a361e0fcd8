"""The key ring: what it seals only its keys open, and weak keys are refused without being shown."""

import base64
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.keys import BadKeys, CannotOpen, KeyRing, Purpose, Sealed, load_keys, new_key
from config.settings import Environment, Settings

RING = KeyRing({"new": secrets.token_bytes(32), "old": secrets.token_bytes(32)})


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_is_sealed_opens(plain: bytes, about: bytes) -> None:
    sealed = RING.seal(plain, Purpose.PERSONAL, about)
    assert sealed.key == "new"
    assert RING.open(sealed, Purpose.PERSONAL, about) == plain


@given(st.data())
def test_a_changed_bit_does_not_open(data: st.DataObject) -> None:
    sealed = RING.seal(b"a customer", Purpose.PERSONAL)
    at = data.draw(st.integers(0, len(sealed.data) * 8 - 1))
    changed = bytearray(sealed.data)
    changed[at // 8] ^= 1 << at % 8
    with pytest.raises(CannotOpen):
        RING.open(Sealed("new", bytes(changed)), Purpose.PERSONAL)


def test_it_opens_only_where_it_was_sealed_for() -> None:
    sealed = RING.seal(b"a customer", Purpose.PERSONAL, b"co_1")
    for purpose, about in (
        (Purpose.HISTORIES, b"co_1"),
        (Purpose.PERSONAL, b"co_2"),
        (Purpose.PERSONAL, b""),
    ):
        with pytest.raises(CannotOpen):
            RING.open(sealed, purpose, about)
    with pytest.raises(CannotOpen):
        RING.open(Sealed("old", sealed.data), Purpose.PERSONAL, b"co_1")


def test_equal_texts_are_sealed_differently_and_have_equal_digests() -> None:
    assert RING.seal(b"same", Purpose.PERSONAL).data != RING.seal(b"same", Purpose.PERSONAL).data
    assert RING.digests(b"same") == RING.digests(b"same")
    assert len(set(RING.digests(b"same"))) == 2
    assert RING.digests(b"same")[0] != RING.digests(b"other")[0]


def test_after_a_rotation_the_old_key_opens_and_the_new_one_seals() -> None:
    key = new_key("2025")
    before = KeyRing.parse(key)
    after = KeyRing.parse(f"{new_key('2026')},{key}")
    sealed = before.seal(b"old", Purpose.HISTORIES)
    assert after.open(sealed, Purpose.HISTORIES) == b"old"
    assert after.seal(b"new", Purpose.HISTORIES).key == "2026"
    with pytest.raises(CannotOpen, match="no key named '2026'"):
        before.open(after.seal(b"new", Purpose.HISTORIES), Purpose.HISTORIES)


_GOOD = base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no key"),
        (_GOOD, "is not name:base64"),
        ("a:secr*t-key-text", "is not base64"),
        ("a:" + base64.b64encode(b"short" * 4).decode(), "has 20 bytes, not 32"),
        ("a:" + base64.b64encode(b"\0" * 32).decode(), "too regular"),
        ("a:" + base64.b64encode(b"correcthorse" * 2 + b"correcth").decode(), "too regular"),
        (f"a:{_GOOD},a:{_GOOD}", "named twice"),
        (f"a:{_GOOD},b:{_GOOD}", "the same key"),
        (f"a b:{_GOOD}", "a key's name"),
        (f"{'a' * 65}:{_GOOD}", "a key's name"),
    ],
)
def test_weak_and_broken_keys_are_refused_and_not_shown(text: str, why: str) -> None:
    with pytest.raises(BadKeys, match=why) as caught:
        KeyRing.parse(text)
    for _, _, secret in (entry.rpartition(":") for entry in text.split(",") if entry):
        assert not secret or secret not in str(caught.value)


def test_keys_come_from_a_file_or_the_environment_but_not_both(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{new_key('b')}\n{new_key('a')}\n")
    ring = load_keys(None, file)
    assert ring is not None
    assert list(ring.names) == ["b", "a"]
    assert load_keys(None, None) is None
    with pytest.raises(BadKeys, match="both set"):
        load_keys(new_key("a"), file)
    with pytest.raises(BadKeys, match="cannot be read"):
        load_keys(None, tmp_path / "missing")


def test_production_does_not_start_without_keys_nor_shows_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENCRYPTION_KEYS")
    monkeypatch.setenv("ENVIRONMENT", Environment.PRODUCTION)
    with pytest.raises(ValidationError, match="production does not start without"):
        Settings()
    monkeypatch.setenv("ENCRYPTION_KEYS", "main:c2VjcmV0LXNlY3JldA==")
    with pytest.raises(ValidationError, match="key main: has 13 bytes") as caught:
        Settings()
    assert "c2VjcmV0" not in str(caught.value)
    monkeypatch.setenv("ENCRYPTION_KEYS", new_key("main"))
    assert Settings().keys is not None
