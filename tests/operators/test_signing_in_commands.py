"""`smartpay operators password` and `unlock` in a shell, and what a password must be."""

import asyncio
import json
import re
from itertools import product

import asyncpg
import pyotp
import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.passwords import fault, generate
from storage.operator_credentials import verify_password
from tests.operators.shell import Shell


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


async def fetch(database_url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database_url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def in_thread(shell: Shell, *words: str, code: int = 0) -> str:
    return await asyncio.to_thread(lambda: shell(*words, code=code))


async def test_a_password_is_made_and_shown_once(shell: Shell, database_url: str) -> None:
    await in_thread(shell, "operators", "create", "Ada", "--role", "admin")
    words = ("operators", "password", "Ada", "--generate", "--reason", "first admin", "--json")
    made = json.loads(await in_thread(shell, *words))
    assert fault(made["password"], "Ada") is None
    assert made["totp_uri"].startswith("otpauth://totp/smartpay:Ada?secret=")
    assert len(pyotp.TOTP(made["totp_secret"]).now()) == 6
    [row] = await fetch(database_url, "SELECT * FROM operator_credentials")
    assert verify_password(made["password"], row["password_hash"])
    assert made["totp_secret"].encode() not in row["totp_secret"]
    [event] = await fetch(
        database_url, "SELECT * FROM audit_log WHERE action = 'operator.credentials_issued'"
    )
    assert (event["actor"], event["reason"]) == ("cli:ada", "first admin")
    assert made["totp_secret"] not in str(event)
    assert made["password"] not in str(event)


def test_a_password_is_asked_for_and_judged(shell: Shell, database_url: str) -> None:
    shell("operators", "create", "Ada")
    environment = {"DATABASE_URL": database_url, "LOGNAME": "ada"}

    def typed(text: str, code: int) -> str:
        words = ("operators", "password", "Ada")
        result = CliRunner().invoke(app, words, env=environment, input=f"{text}\n{text}\n")
        assert result.exit_code == code, result.output
        return result.output

    told = typed("correct horse 42 battery", 0)
    assert "totp_secret: " in told
    assert "correct horse" not in told
    assert "at least 12 characters" in typed("short 1", 1)
    assert "the operator's name" in typed("ada-lovelace-1815-x", 1)


async def test_a_locked_operator_is_let_in_again(shell: Shell, database_url: str) -> None:
    await in_thread(shell, "operators", "create", "Ada")
    await in_thread(shell, "operators", "password", "Ada", "--generate")
    assert "not locked out" in await in_thread(shell, "operators", "unlock", "Ada", code=1)
    await fetch(
        database_url, "UPDATE operator_credentials SET locked_until = now() + interval '1 hour' RETURNING 1"
    )
    assert await in_thread(shell, "operators", "unlock", "Ada", "--reason", "asked by phone") == "unlocked\n"
    [row] = await fetch(database_url, "SELECT * FROM operator_credentials")
    assert (row["locked_until"], row["failures"]) == (None, 0)


def test_a_disabled_operator_gets_no_password(shell: Shell) -> None:
    shell("operators", "create", "Ada")
    shell("operators", "disable", "Ada")
    assert "is disabled" in shell("operators", "password", "Ada", "--generate", code=1)
    assert "no operator" in shell("operators", "password", "nobody", "--generate", code=1)


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("abcdefg1234", "at least 12"),
        ("abcdefghijklm", "letters and digits"),
        ("1234567890123", "letters and digits"),
        ("x" * 200 + "1", "at most 200"),
        ("my-name-is-lovelace-1", "name"),
        ("password1234", "everybody"),
        ("P@ssw0rd!2024", "everybody"),
        ("Qwerty123456", "everybody"),
        ("aaaaaaaaaaa1", "everybody"),
        ("Smartpay2026!", "everybody"),
        ("correct horse 42 battery", None),
        ("ünïcödé wörds 7 hélp", None),
    ],
)
def test_what_a_password_must_be(password: str, told: str | None) -> None:
    found = fault(password, "Ada Lovelace")
    assert (told is None) == (found is None), found
    assert told is None or told in (found or "")


def test_made_passwords_are_good_and_different() -> None:
    name = " ".join(map("".join, product("aeiu", repeat=3)))  # one of 50 passwords would hold a part of it
    made = {generate(name) for _ in range(500)}
    assert len(made) == 500
    assert all(fault(each, name) is None and re.fullmatch(r"\w{5}(-\w{5}){3}", each) for each in made)
