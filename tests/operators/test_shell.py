"""`smartpay` itself: its commands are found by name, and one does not wait for the others."""

import subprocess
import sys
from typing import cast

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import app
from devstack.programs import ROOT


def test_every_command_is_told_and_tells_of_itself() -> None:
    names = list(cast(TyperGroup, get_command(app)).commands)
    told = CliRunner().invoke(app, ["--help"]).output
    assert len(names) > 15
    for name in names:
        assert f" {name} " in told
        of_itself = CliRunner().invoke(app, [name, "--help"])
        assert of_itself.exit_code == 0
        assert f" {name} " in of_itself.output


def test_a_mistyped_command_is_answered_with_what_it_is_like() -> None:
    refused = CliRunner().invoke(app, ["frese"])
    assert refused.exit_code == 2
    assert "Did you mean 'freeze'" in refused.output


def run(program: str, *words: str, code: int = 0) -> str:
    """What a program of its own prints on standard output."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def test_a_command_does_not_wait_for_what_only_others_need() -> None:
    told = run("""
import sys
from cli.main import app
app(["keys", "--help"], standalone_mode=False)
print(sorted({"cli.keys", "cli.replay", "workflows", "temporalio.worker", "alembic"} & sys.modules.keys()))
""")
    assert told.splitlines()[-1] == "['cli.keys']"


@pytest.mark.parametrize(("words", "code", "told"), [("keys --help", 0, "revoke"), ("keys frieze", 2, "")])
def test_a_command_ends_at_once_with_its_code_and_all_that_it_said(words: str, code: int, told: str) -> None:
    """In Python's own clean-up the Temporal client's threads can crash it, after all is done."""
    program = "import atexit; atexit.register(print, 'clean-up'); from cli.main import main; main()"
    output = run(program, *words.split(), code=code)
    assert told in output
    assert "clean-up" not in output
