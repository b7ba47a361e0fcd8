"""`smartpay keys` and `smartpay merchants` in a shell: what they change, and that it is recorded."""

import asyncio
import json
import secrets
from typing import Any

import asyncpg
import pytest

from tests.operators.shell import Shell


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


@pytest.fixture
def merchant(shell: Shell) -> str:
    name = f"Shop {secrets.token_hex(4)}"
    shell("merchants", "create", name, "--reason", "opened today")
    return name


def listed(shell: Shell, merchant: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = json.loads(shell("keys", "list", merchant, "--json"))
    return keys


def test_a_key_is_issued_with_scopes_and_listed_without_a_secret(shell: Shell, merchant: str) -> None:
    words = ("--scope", "checkouts:read", "--scope", "routing:read", "--json")
    key = json.loads(shell("keys", "issue", merchant, *words))["api_key"]
    newest, first = listed(shell, merchant)
    assert newest["prefix"] == key[:9]
    assert newest["scopes"] == ["checkouts:read", "routing:read"]
    assert first["scopes"] is None
    assert "digest" not in newest
    assert key not in shell("keys", "list", merchant)
    assert "checkouts:read" in shell("keys", "list", merchant)
    shell("keys", "issue", merchant, "--scope", "everything", code=2)


def test_keys_are_rotated_with_an_overlap_and_keep_their_scopes(shell: Shell, merchant: str) -> None:
    shell("keys", "revoke", merchant)
    shell("keys", "issue", merchant, "--scope", "checkouts:read")
    shell("keys", "rotate", merchant, "--overlap", "24h", "--reason", "yearly")
    new, old, _ = listed(shell, merchant)
    assert (new["scopes"], new["expires_at"]) == (["checkouts:read"], None)
    assert old["expires_at"] is not None
    assert old["revoked_at"] is None
    shell("keys", "rotate", merchant, "--overlap", "7d")
    assert [row["expires_at"] for row in listed(shell, merchant) if row["prefix"] == old["prefix"]] == [
        old["expires_at"]
    ], "a later rotation gives an old key no longer life"
    shell("keys", "rotate", merchant, "--overlap", "0s")
    assert [row["expires_at"] is None for row in listed(shell, merchant)[:2]] == [True, False]


def test_what_is_wrong_or_unclear_is_said_and_changes_nothing(shell: Shell, merchant: str) -> None:
    assert "no merchant" in shell("keys", "rotate", "nobody", code=1)
    assert "like 24h" in shell("keys", "rotate", merchant, "--overlap", "tomorrow", code=1)
    assert "90 days" in shell("keys", "rotate", merchant, "--overlap", "365d", code=1)
    assert "no such live key" in shell("keys", "rotate", merchant, "--prefix", "sp_xxxxxx", code=1)
    shell("keys", "issue", merchant, "--scope", "refunds:write")
    assert "--scope" in shell("keys", "rotate", merchant, code=1)
    assert [row["expires_at"] for row in listed(shell, merchant)] == [None, None]
    first = listed(shell, merchant)[1]["prefix"]
    shell("keys", "rotate", merchant, "--prefix", first)
    newest = listed(shell, merchant)[0]
    assert newest["scopes"] is None


def test_origins_are_added_in_their_normal_form_and_taken_away(shell: Shell, merchant: str) -> None:
    shell(
        "merchants",
        "origins",
        merchant,
        "--add",
        "HTTPS://Shop.Example:443/",
        "--add",
        "https://b.example:8443",
    )
    shown = json.loads(shell("merchants", "origins", merchant, "--json"))
    assert shown == {"origins": ["https://b.example:8443", "https://shop.example"]}
    assert (
        shell("merchants", "origins", merchant, "--remove", "https://shop.example")
        == "https://b.example:8443\n"
    )
    for wrong in (
        "http://shop.example",
        "https://shop.example/path",
        "https://10.0.0.1",
        "*",
        "https://*.example.com",
    ):
        assert "An origin must" in shell("merchants", "origins", merchant, "--add", wrong, code=1)
    assert "no merchant" in shell("merchants", "origins", "nobody", code=1)


def test_every_change_is_recorded_without_a_key(shell: Shell, merchant: str, database_url: str) -> None:
    shell("merchants", "origins", merchant, "--add", "https://shop.example", "--reason", "their site")
    shell("merchants", "origins", merchant)
    read = ("--scope", "checkouts:read", "--json")
    issued = json.loads(shell("keys", "issue", merchant, *read))["api_key"]
    rotated = json.loads(
        shell("keys", "rotate", merchant, "--overlap", "1h", *read, "--reason", "left the company")
    )["api_key"]
    shell("keys", "revoke", merchant)

    async def recorded() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database_url)
        try:
            rows: list[asyncpg.Record] = await connection.fetch("SELECT * FROM audit_log ORDER BY id")
            return rows
        finally:
            await connection.close()

    rows = asyncio.run(recorded())
    assert [(row["action"], row["reason"]) for row in rows] == [
        ("merchant.created", "opened today"),
        ("merchant.key_issued", "opened today"),
        ("merchant.origins_changed", "their site"),
        ("merchant.key_issued", None),
        ("merchant.key_rotated", "left the company"),
        ("merchant.keys_revoked", None),
    ]
    assert {row["actor"] for row in rows} == {"cli:ada"}
    assert issued[:9] in str(rows)
    assert issued not in str(rows)
    assert rotated not in str(rows)
