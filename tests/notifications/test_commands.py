"""`smartpay notifications` in a shell."""

import json
import secrets

import pytest
from typer.testing import CliRunner

from cli.main import app


class Shell:
    def __init__(self, database_url: str) -> None:
        self._environment = {"DATABASE_URL": database_url}

    def __call__(self, *words: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, words, env=self._environment)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


def test_a_merchant_has_a_secret_from_the_start_and_gets_another(shell: Shell) -> None:
    name = f"Shop {secrets.token_hex(4)}"
    shell("merchants", "create", name)
    first = json.loads(shell("notifications", "secret", name, "--json"))["secret"]
    assert first.startswith("whsec_")
    assert first in shell("notifications", "secret", name)
    second = json.loads(shell("notifications", "secret", name, "--rotate", "--json"))["secret"]
    assert second != first
    assert second in shell("notifications", "secret", name)


def test_what_does_not_exist_is_said(shell: Shell) -> None:
    assert "no merchant" in shell("notifications", "secret", "nobody", code=1)
    assert "no notification" in shell("notifications", "resend", "evt_unknown", code=1)
    assert json.loads(shell("notifications", "list", "--checkout", "co_unknown", "--json")) == []
