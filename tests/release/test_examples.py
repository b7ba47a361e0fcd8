"""What the README and the tutorial tell to type is typed here, in a shell, against the running product."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from devstack.programs import ROOT
from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.patience import PATIENCE
from tests.test_docs import section


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


TUTORIAL = fences((ROOT / "docs" / "tutorial.md").read_text(), "shell")
README = fences(section("README.md", "Try it").partition("### Your first checkout")[2], "")


@pytest.fixture
def place(stack: Stack, tmp_path: Path) -> Path:
    """A directory whose `.data` is that of a demo."""
    stack.publish()
    (tmp_path / ".data").symlink_to(stack.data_dir)
    return tmp_path


async def typed(stack: Stack, place: Path, blocks: Sequence[str]) -> list[Any]:
    """Type the blocks into one shell. What the commands print, as JSON, in order."""
    script = "set -e\n" + "echo\n".join(blocks)
    script = script.replace("http://127.0.0.1:8000", stack.api_url)
    script = script.replace("http://127.0.0.1:8700", stack.sandbox_url)
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        cwd=place,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "no_proxy": "*"},
    )
    printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, printed
    return [json.loads(line) for line in printed.decode().splitlines() if line.strip()]


async def test_the_tutorial_s_commands_do_what_it_says(
    stack: Stack, sandbox: SandboxClient, place: Path
) -> None:
    assert len(TUTORIAL) == 5
    first, fault, second, ledger = await typed(stack, place, TUTORIAL)
    assert (first["status"], first["gateway"]) == ("succeeded", "stripe")
    assert fault
    assert (second["status"], second["gateway"]) == ("succeeded", "flutterwave")
    assert [attempt["gateway"] for attempt in second["attempts"]] == ["stripe", "flutterwave"]
    assert second["attempts"][0]["status"] == "not_sent"
    for checkout in (first, second):
        ids = {attempt["id"] for attempt in checkout["attempts"]}
        assert [row["kind"] for row in ledger if row["reference"] in ids] == ["capture"]


async def test_the_readme_s_commands_do_what_it_says(
    stack: Stack, sandbox: SandboxClient, place: Path
) -> None:
    assert len(README) == 2
    first, *_ = await typed(stack, place, README)
    assert (first["status"], first["gateway"]) == ("succeeded", "stripe")
    again, *_ = await typed(stack, place, README[:1])
    assert again["id"] == first["id"]


def test_every_page_is_on_the_site() -> None:
    nav = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    decisions = set(re.findall(r"\]\((\d[\w-]+\.md)\)", (ROOT / "docs/decisions/index.md").read_text()))
    assert nav | {f"decisions/{each}" for each in decisions} == pages


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """A link to a page that is not there is one."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    built = subprocess.run(  # noqa: S603 - our own interpreter's program
        [str(Path(sys.executable).with_name("zensical")), "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stdout[-2000:]
    assert (tmp_path / "build" / "site" / "tutorial" / "index.html").exists()
