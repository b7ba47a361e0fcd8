"""`smartpay operators` in a shell, and the record that it leaves."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.operators.shell import Shell


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


def listed(shell: Shell) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in json.loads(shell("operators", "list", "--json"))}


def test_an_operator_is_created_given_tokens_and_shut_out(shell: Shell) -> None:
    made = json.loads(shell("operators", "create", " Ada ", "--role", "operator", "--json"))
    assert (made["name"], made["role"]) == ("Ada", "operator")
    first = json.loads(shell("operators", "token", "Ada", "--json"))["token"]
    second = json.loads(shell("operators", "token", made["operator_id"], "--json"))["token"]
    assert first.startswith("sp_op_")
    assert first != second
    assert listed(shell)["Ada"]["live_tokens"] == 2
    assert shell("operators", "revoke", "Ada", "--prefix", first[:12]) == "1 revoked\n"
    assert shell("operators", "revoke", "Ada") == "1 revoked\n"
    assert shell("operators", "revoke", "Ada") == "0 revoked\n"
    assert shell("operators", "disable", "Ada") == "disabled\n"
    assert "disabled already" in shell("operators", "disable", "Ada", code=1)
    assert "is disabled" in shell("operators", "token", "Ada", code=1)
    assert listed(shell)["Ada"]["disabled_at"] is not None
    assert "Ada" in shell("operators", "list")


def test_what_is_wrong_is_said(shell: Shell) -> None:
    shell("operators", "create", "Ada")
    assert "exists" in shell("operators", "create", "Ada", code=1)
    assert "no operator" in shell("operators", "token", "nobody", code=1)
    assert "printable" in shell("operators", "create", "  ", code=1)
    assert "printable" in shell("operators", "create", "a\x1b[2J", code=1)
    assert "reason" in shell("operators", "create", "Eve", "--reason", "x" * 256, code=1)
    assert listed(shell).keys() == {"Ada"}


async def test_every_change_is_recorded_and_no_record_can_be_changed(
    shell: Shell, connection: asyncpg.Connection
) -> None:
    words = ("create", "Ada", "--role", "admin", "--token", "--reason", "new here", "--json")
    made = json.loads(await asyncio.to_thread(shell, "operators", *words))
    await asyncio.to_thread(shell, "operators", "revoke", "Ada")
    await asyncio.to_thread(shell, "operators", "disable", "Ada", "--reason", "left")
    rows = await connection.fetch("SELECT * FROM audit_log ORDER BY id")
    assert [(row["actor"], row["action"], row["subject"], row["reason"]) for row in rows] == [
        ("cli:ada", "operator.created", made["operator_id"], "new here"),
        ("cli:ada", "operator.token_issued", made["operator_id"], "new here"),
        ("cli:ada", "operator.tokens_revoked", made["operator_id"], None),
        ("cli:ada", "operator.disabled", made["operator_id"], "left"),
    ]
    assert json.loads(rows[0]["after"]) == {"name": "Ada", "role": "admin"}
    assert made["token"] not in str(rows)
    for change in ("UPDATE audit_log SET actor = ''", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(change)
