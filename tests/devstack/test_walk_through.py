"""docs/adding-a-gateway.md, followed to the letter: from `make new-gateway` to a checkout charged through it.

Acme does not exist. What somebody would fill in for it lies in `acme/`; nothing else is touched.
"""

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.new_gateway import FILES, ROOT

pytestmark = pytest.mark.long

FILLED_IN = Path(__file__).parent / "acme"
PAGE = ROOT / "docs" / "adding-a-gateway.md"
SLOW = 300
NOT_COPIED = (".venv", ".data", ".npmrc", "__pycache__", "node_modules", "dist", "generated")
"""Made on each machine, or of no use to a gateway."""


def commands() -> list[str]:
    """What the page tells to type, in order, without what it says about it."""
    blocks = re.findall(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout; its virtual environment is this one, and counts as up to date."""
    copy = tmp_path_factory.mktemp("walk") / "smartpay"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "tmp*", *NOT_COPIED))
    for name in (".venv", ".data/datasets"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).symlink_to((ROOT / name).resolve(), target_is_directory=True)
    return copy


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE"))}
    return subprocess.run(  # noqa: S603 - commands of the page, on our own copy
        command,
        cwd=checkout,
        env=kept,
        capture_output=True,
        text=True,
        timeout=SLOW,
        check=False,
    )


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without setting anything up: that would install into the environment that this test runs in."""
    old = ("--assume-old=.venv/.installed", "--assume-old=.data/datasets/.built")
    return run(checkout, "make", *old, *arguments)


def differing(checkout: Path) -> set[str]:
    """Files that are not as they are here, as paths from the root."""
    found: set[str] = set()

    def compare(difference: filecmp.dircmp[str], under: str) -> None:
        found.update(
            f"{under}{name}"
            for name in (*difference.diff_files, *difference.right_only, *difference.left_only)
        )
        for name, sub in difference.subdirs.items():
            compare(sub, f"{under}{name}/")

    ignored = [name for name in os.listdir(ROOT) if name.startswith(".")]
    compare(filecmp.dircmp(ROOT, checkout, ignore=[*ignored, *NOT_COPIED]), "")
    return found


def test_the_page_says_what_is_tried_here() -> None:
    assert commands() == [
        "make new-gateway NAME=acme",
        r'grep -rn "FILL IN\|_fill_in(" gateways/acme.py sandbox/acme tests/contract/cases/acme.py',
        'make test ARGS="tests/contract -k acme"',
        'make test ARGS="tests/contract -k acme"',
        "make check",
    ]
    for where in FILES:
        shown = where.format(name="acme")
        assert f"`{shown}`" in PAGE.read_text() or shown.endswith("__init__.py")


@pytest.mark.skipif(shutil.which("make") is None, reason="the page is about make, which is not here")
def test_a_gateway_is_added_by_its_own_files_alone(checkout: Path, tmp_path: Path) -> None:
    begun = make(checkout, "new-gateway", "NAME=acme")
    assert begun.returncode == 0, begun.stderr
    searched = (
        "-rn",
        r"FILL IN\|_fill_in(",
        "gateways/acme.py",
        "sandbox/acme",
        "tests/contract/cases/acme.py",
    )
    assert run(checkout, "grep", *searched).returncode == 0

    _fill_in(checkout)

    assert run(checkout, "grep", *searched).returncode == 1, "something is left to be filled in"
    green = run(
        checkout,
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-q",
        "tests/contract",
        "-k",
        "acme",
    )
    assert green.returncode == 0, green.stdout[-3000:]
    assert re.search(r"\d\d passed", green.stdout)

    charged = run(checkout, sys.executable, "-c", (FILLED_IN / "checkout.py.txt").read_text(), str(tmp_path))
    assert charged.stdout.splitlines()[-1:] == ["succeeded acme [('capture', 4999)]"], charged.stderr[-3000:]

    new = {where.format(name="acme") for where in FILES}
    assert {path if path in new else path.rstrip("/") for path in differing(checkout)} == {
        "gateways/acme.py",
        "sandbox/acme",
        "tests/contract/cases/acme.py",
    }


def _fill_in(checkout: Path) -> None:
    for where, template in FILES.items():
        if template is None:
            continue
        target = checkout / where.format(name="acme")
        port = re.search(r"port=(\d+)", target.read_text())
        text = (FILLED_IN / template).read_text()
        target.write_text(text if port is None else text.replace("@port@", port[1]))
