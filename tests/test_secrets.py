"""No live credential and no card number is in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

from domain.card_numbers import contains_card_number
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
BINARY = frozenset({".png", ".jpg", ".ico", ".woff2", ".mmdb", ".dat", ".gz"})
LARGEST = 2_000_000

PATTERNS = {
    "a live Stripe key": r"(?:sk|rk)_live_[0-9A-Za-z]{16,}",
    "a Stripe test key": r"(?:sk|rk)_test_[0-9A-Za-z]{24,}",
    "a Flutterwave key": r"FLWSECK(?:_TEST)?-[0-9a-f]{24,}(?:-[0-9a-z]+)?-X",
    "a webhook secret": r"whsec_[0-9A-Za-z+/]{32,}={0,2}",
    "a merchant's or an operator's key": r"\bsp_(?:op_)?[0-9A-Za-z_-]{43}\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[0-9A-Za-z]{36,}\b",
    "a Slack token": r"\bxox[abprs]-[0-9A-Za-z-]{10,}",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "an encryption key": r"\b[0-9A-Za-z._-]{1,64}:(?=[A-Za-z0-9+/]*[+/0-9])[A-Za-z0-9+/]{43}=",
    "a password in an address": r"\b[a-z+]{3,20}://[^/\s:@{}<>$\"']+:(?!\.\.\.)[^/\s:@{}<>$\"']{8,}@",
}
ALLOWED = {
    # In tests: made for them, open nothing.
    "tests/": frozenset(PATTERNS),
}


def tree() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    names = listed.stdout.decode().rstrip("\0").split("\0")
    return [ROOT / name for name in names if Path(name).suffix not in BINARY and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    return {
        str(file.relative_to(ROOT)): file.read_text(errors="replace")
        for file in tree()
        if file.stat().st_size < LARGEST
    }


@pytest.mark.parametrize("what", PATTERNS)
def test_no_credential_is_in_the_repository(texts: dict[str, str], what: str) -> None:
    pattern = re.compile(PATTERNS[what])
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}"
        for name, text in texts.items()
        for hit in pattern.finditer(text)
        if not any(name.startswith(place) and what in kinds for place, kinds in ALLOWED.items())
    ]
    assert found == [], f"{what}: take it out, and revoke it where it opens something"


@pytest.mark.parametrize(
    ("what", "planted"),
    [
        ("a live Stripe key", "sk_live_" + "a1" * 12),
        ("a webhook secret", "whsec_" + "Ab1+" * 10 + "="),
        ("a merchant's or an operator's key", "sp_" + "Ab1_" * 10 + "xyz"),
        ("a private key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
        ("an encryption key", "2026-11:" + "Ab1+" * 10 + "xyz="),
        ("a password in an address", "postgresql://" + "smartpay:correct-horse@db.internal/x"),
    ],
)
def test_the_patterns_see(what: str, planted: str) -> None:
    assert re.search(PATTERNS[what], f"KEY={planted}\n")


def test_no_card_number_is_in_what_is_shipped(texts: dict[str, str]) -> None:
    """Tests and sandbox have the gateways' published test numbers; nothing else has any."""
    shipped = ("activities/", "api/", "cli/", "config/", "gateways/", "routing/", "storage/", "workflows/")
    found = [
        f"{name}:{number}"
        for name, text in texts.items()
        if name.startswith(shipped) and name.endswith((".py", ".json"))
        for number, line in enumerate(text.splitlines(), start=1)
        if contains_card_number(line)
    ]
    assert found == []
