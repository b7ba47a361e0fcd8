"""What `make new-gateway` writes is found without touching anything else, and red until it is filled in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.new_gateway import FILES, ROOT, BadName, write
from gateways.base import Gateway


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout with a gateway more."""
    copy = tmp_path_factory.mktemp("checkout") / "smartpay"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "node_modules"))
    made = write("acme", copy)
    assert sorted(made) == sorted(copy / where.format(name="acme") for where in FILES)
    return copy


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-B", *arguments],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_is_found_by_everything_that_asks(checkout: Path) -> None:
    script = """
from devstack.ports import Ports
from devstack.settings import SHORTENED, _SANDBOX_CREDENTIALS
from devstack.support_table import support_table
from gateways.registry import load_accounts, registrations
from tests.contract.cases import discover

assert registrations()["acme"].capabilities.display_name == "Acme"
account = load_accounts(_SANDBOX_CREDENTIALS).known["acme"]
assert account.has_credentials
assert SHORTENED["ACME_READ_TIMEOUT"] == 2
ports = Ports.from_environment({"SANDBOX_ACME_PORT": "9999"})
assert ports.gateways["acme"] == 9999
assert len(set(Ports().by_name.values())) == len(Ports().by_name)
assert "acme" in {case.gateway for case in discover()}
assert "| Acme |" in support_table()
"""
    found = run(checkout, "-W", "error", "-c", script)
    assert found.returncode == 0, found.stderr


def test_the_contract_suite_has_it_and_is_red_until_it_is_filled_in(checkout: Path) -> None:
    tests = ("-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/contract/test_gateways.py")
    collected = run(checkout, *tests, "--collect-only", "-k", "acme")
    assert collected.returncode == 0, collected.stdout
    assert "test_a_payment_is_in_the_ledger_to_the_last_unit[acme-USD]" in collected.stdout

    tried = run(checkout, *tests, "-k", "acme and ledger_to_the_last_unit")
    assert tried.returncode == 1
    assert "gateways/acme.py: charge is not filled in" in tried.stdout


def test_the_sandbox_still_serves_the_others(checkout: Path) -> None:
    tests = ("-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/contract/test_gateways.py")
    others = run(checkout, *tests, "-k", "paystack and ledger_to_the_last_unit")
    assert others.returncode == 0, others.stdout


def test_every_method_says_where_it_is_to_be_filled_in(checkout: Path) -> None:
    text = (checkout / "gateways" / "acme.py").read_text()
    for method in sorted(Gateway.__abstractmethods__ - {"aclose"}):
        assert f'_fill_in("{method}")' in text
    for where in FILES:
        written = (checkout / where.format(name="acme")).read_text()
        assert "@" not in written.replace("@property", "")


@pytest.mark.parametrize("name", ["", "Acme", "a", "acme-eu", "acme_eu", "../acme", "1acme", "a" * 40])
def test_a_name_that_no_gateway_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadName):
        write(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    with pytest.raises(BadName, match=r"gateways/stripe\.py is there already"):
        write("stripe", ROOT)
