"""`smartpay lists` and `smartpay screening` in a shell."""

import json
from pathlib import Path

import pytest

from domain.screening import ListKind
from screening.rules import Rules
from tests.operators.shell import Shell

BECAUSE = ("--reason", "case 4711")


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        (ListKind.BIN, "539983", "539983"),
        (ListKind.IP, "192.0.2.9/24", "192.0.2.0/24"),
        (ListKind.EMAIL, "Eve+1@Example.com", "eve@example.com"),
        (ListKind.DOMAIN, "Example.com", "example.com"),
        (ListKind.COUNTRY, "ng", "NG"),
    ],
)
def test_an_entry_is_added_shown_changed_and_removed(
    shell: Shell, kind: ListKind, value: str, kept: str
) -> None:
    assert shell("lists", "show") == "the lists are empty\n"
    added = shell("lists", "add", "block", kind, value, *BECAUSE)
    assert added.endswith(f": block {kind} {kept}\n")
    assert shell("lists", "add", "allow", kind, value, *BECAUSE) == added.replace("block", "allow")
    [row] = json.loads(shell("lists", "show", "--json"))
    told = (row["effect"], row["kind"], row["value"], row["reason"], row["actor"])
    assert told == ("allow", kind, kept, "case 4711", "cli:ada")
    assert "case 4711" in shell("lists", "show", "--kind", kind, "--effect", "allow")
    assert shell("lists", "show", "--effect", "block") == "the lists are empty\n"
    assert shell("lists", "remove", kind, value, *BECAUSE) == f"{kind} {kept} is off the list\n"
    assert "is on no list" in shell("lists", "remove", kind, value, *BECAUSE, code=1)


def test_what_is_wrong_is_said(shell: Shell) -> None:
    assert "must be the first 6 or 8 digits" in shell("lists", "add", "block", "bin", "53", *BECAUSE, code=1)
    number = "4242424242424242"
    told = shell("lists", "add", "block", "email", f"{number}@example.com", *BECAUSE, code=1)
    assert "looks like a card number" in told
    assert number not in told
    assert "--reason" in shell("lists", "add", "block", "bin", "539983", code=2)
    assert "maybe" in shell("lists", "add", "maybe", "bin", "539983", *BECAUSE, code=2)
    assert shell("lists", "show") == "the lists are empty\n"


def test_the_rules_in_force_are_printed(shell: Shell, tmp_path: Path) -> None:
    assert Rules.model_validate_json(shell("screening", "rules")) == Rules()
    file = tmp_path / "mine.json"
    file.write_text('{"thresholds": {"block": 95}}')
    assert Rules.model_validate_json(shell("screening", "rules", str(file))).thresholds.block == 95
    file.write_text('{"threshold": {}}')
    assert "mine.json: threshold: " in shell("screening", "rules", str(file), code=1)
