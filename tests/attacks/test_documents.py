"""The pages on security name what exists, and leave out nothing that they have to name."""

import re

import pytest
from typer.testing import CliRunner

from cli.main import app
from config.settings import Settings
from devstack.programs import ROOT

REQUIRED = (
    *("3.3.1", "3.5.1", "3.5.1.1", "3.6.1.2", "3.7.4", "3.7.5", "4.2.1", "6.2.3", "6.2.4", "6.3.2", "6.3.3"),
    *(
        "6.4.1",
        "6.4.2",
        "6.4.3",
        "6.5.5",
        "6.5.6",
        "7.2",
        "7.3.3",
        "8.2.1",
        "8.2.6",
        "8.2.8",
        "8.3.4",
        "8.3.6",
    ),
    *("8.3.7", "8.4.2", "8.6.2", "10.2.1.1", "10.2.1.2", "10.2.1.3", "10.2.1.4", "10.2.1.5", "10.2.1.6"),
    *("10.2.1.7", "10.2.2", "10.3.2", "10.3.3", "10.3.4", "10.4.1.1", "10.5.1", "10.6", "11.3", "11.4"),
    *("11.6.1", "12.5.2.1", "12.8", "12.9", "12.10.7"),
)
"""PCI DSS v4.0.1: what the product or its operator has to have an answer to."""
PAGES = (
    "docs/pci.md",
    "docs/security.md",
    "docs/threat-model.md",
    "docs/security-tests.md",
    "docs/deployment.md",
    "SECURITY.md",
)


def text(page: str) -> str:
    return (ROOT / page).read_text()


def table(page: str, columns: int) -> list[list[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text(page).splitlines()
        if line[:1] == "|"
    ]
    return [row for row in rows if len(row) == columns and not set(row[0]) <= set("-|")][1:]


def test_every_requirement_has_an_answer_and_an_owner() -> None:
    rows = {re.match(r"`([0-9.]+)`", row[0])[1]: row for row in table("docs/pci.md", 3)}  # type: ignore[index]  # each has one
    assert sorted(rows) == sorted(REQUIRED)
    for number, (_, whose, answer) in rows.items():
        assert whose in ("ours", "shared", "yours", "n/a"), number
        assert len(answer) > 5, number
        if whose == "ours":
            assert "`" in answer or "](" in answer, f"{number}: by what?"


def test_nobody_is_called_compliant() -> None:
    for page in (*PAGES, "README.md"):
        for sentence in re.split(r"(?<=[.!?])\s", text(page)):
            if re.search(r"\bcomplian", sentence):
                assert re.search(r"\b(cannot|not|no)\b", sentence), (page, sentence)
    assert "Software cannot be compliant" in text("docs/pci.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9.]*|requirements\.lock)`", text(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_and_target_that_a_page_names_exists(page: str) -> None:
    settings = {name.upper() for name in Settings.model_fields}
    external = {
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "FLUTTERWAVE_SECRET_KEY",
        "FLUTTERWAVE_SECRET_HASH",
    }
    named = set(re.findall(r"`([A-Z][A-Z]+_[A-Z_]+)(?:=[^`]*)?`", text(page)))
    assert named - settings - external == set()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text(page))) <= targets


def test_every_command_that_a_page_names_exists() -> None:
    named = {
        tuple(words.split()[:2])
        for page in PAGES
        for words in re.findall(r"`smartpay ([a-z-]+(?: [a-z-]+)?)", text(page))
    }
    for words in sorted(named):
        found = [CliRunner().invoke(app, [*words[:length], "--help"]).exit_code for length in (2, 1)]
        assert 0 in found, words  # the second word may be an argument


def test_every_attack_names_its_tests_and_every_file_of_attacks_is_named() -> None:
    rows = table("docs/security-tests.md", 3)
    assert len(rows) > 35
    named: set[str] = set()
    for attack, answer, tried in rows:
        files = re.findall(r"`(tests/[a-z_0-9/]+\.py)`", tried)
        assert answer, attack
        assert files, attack
        assert [name for name in files if "def test_" not in (ROOT / name).read_text()] == [], attack
        named |= set(files)
    ours = {str(file.relative_to(ROOT)) for file in (ROOT / "tests/attacks").glob("test_*.py")}
    assert ours - named <= {"tests/attacks/test_documents.py", "tests/attacks/test_commands.py"}
