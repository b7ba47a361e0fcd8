"""The documents say what the code does: settings, account variables, problems, states, and no dead link."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from api.errors import problem_kinds
from config.settings import Settings
from devstack.demo_cases import CASES
from devstack.support_table import DOCUMENT, written
from domain.attempt import AttemptStatus
from domain.capabilities import Capabilities
from domain.checkout import CheckoutStatus, MethodType, ReviewReason
from domain.decline import DeclineCategory
from domain.outcome import NextActionType
from domain.route import Exclusion
from gateways.registry import registrations
from workflows.search_attributes import NAMES

ROOT = Path(__file__).resolve().parent.parent
DECLARED = [registration.capabilities for registration in registrations().values()]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def section(document: str, heading: str) -> str:
    """The text under a heading of the second level."""
    text = (ROOT / document).read_text()
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"{document} has no section {heading}"
    return re.split(r"\n## ", rest)[0]


def rows(text: str) -> Iterator[list[str]]:
    """Rows of tables whose first cell is code, with the backticks of all cells gone."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")]


def as_written(default: object) -> str:
    """A default as the environment would give it."""
    if default is PydanticUndefined:
        return "required"
    match default:
        case None:
            return "unset"
        case bool():
            return str(default).lower()
        case tuple():
            return json.dumps(default)
        case Path() if default.is_absolute():
            return str(default.relative_to(ROOT))
        case _:
            return str(default)


def test_every_setting_is_documented_with_its_default_and_nothing_else() -> None:
    documented = {row[0]: row[1] for row in rows(section("docs/configuration.md", "Settings"))}
    assert documented == {
        name.upper(): as_written(field.default) for name, field in Settings.model_fields.items()
    }


def test_every_account_variable_is_documented_with_its_default_and_nothing_else() -> None:
    documented = {row[0]: row[1] for row in rows(section("docs/configuration.md", "Gateway accounts"))}
    assert documented == {
        f"{name}_{field}".upper(): as_written(info.default)
        for name, registration in registrations().items()
        for field, info in registration.credentials.model_fields.items()
    }


def test_every_problem_is_documented_with_its_status_and_nothing_else() -> None:
    documented = {row[0]: int(row[1]) for row in rows(section("docs/api.md", "Errors"))}
    assert documented == {code: int(kind.status) for code, kind in problem_kinds().items()}


@pytest.mark.parametrize(
    "words",
    [CheckoutStatus, ReviewReason, AttemptStatus, MethodType, NextActionType, DeclineCategory, Exclusion],
)
def test_every_word_of_an_answer_is_documented(words: type[CheckoutStatus]) -> None:
    text = (ROOT / "docs/api.md").read_text()
    assert [word for word in words if f"`{word}`" not in text] == []


def test_the_quiet_periods_are_documented() -> None:
    for document, heading in (("docs/failover.md", "When the outcome is unclear"), ("docs/gateways.md", "")):
        text = section(document, heading) if heading else (ROOT / document).read_text()
        for registration in registrations().values():
            minutes = registration.capabilities.quiet_period.total_seconds() / 60
            assert f"{minutes:.0f} minutes" in text


def test_the_support_table_is_what_the_adapters_declare() -> None:
    text = DOCUMENT.read_text()
    assert written(text) == text, "run make gateway-docs"


@pytest.mark.parametrize("can", DECLARED, ids=lambda can: can.name)
def test_what_a_gateway_charges_in_is_documented(can: Capabilities) -> None:
    """In a section that bears its name."""
    listed = re.search(r"\*\*Currencies\.\*\* (.*)", section("docs/gateways.md", can.display_name))
    assert listed is not None
    named = set(re.findall(r"`([A-Z]{3})`", listed[1]))
    assert named == can.currencies or listed[1].startswith(f"{len(can.currencies)}, ")


@pytest.mark.parametrize("can", DECLARED, ids=lambda can: can.name)
def test_the_mobile_networks_are_documented(can: Capabilities) -> None:
    documented = {
        row[0]: frozenset(re.findall(r"[A-Z]{3,}", row[2])) | ({""} if "none" in row[2] else set())
        for row in rows(section("docs/gateways.md", can.display_name))
    }
    assert documented == can.mobile_money


def test_the_search_attributes_are_documented() -> None:
    for document in ("docs/architecture.md", "docs/deployment.md"):
        text = (ROOT / document).read_text()
        assert [name for name in NAMES if f"`{name}`" not in text] == []


def test_the_readme_counts_the_demo_right() -> None:
    assert f"runs {len(CASES)} checkouts" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_within_the_documents_is_dead(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", text):
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", text).lower().replace(" ", "-") for text in headings}
