"""The panel as it was built: its size, and its story in a real browser (`panel/e2e/panel.mjs`)."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from typing import Final

import pytest

from devstack.node import find_node
from devstack.programs import ROOT
from devstack.stack import Stack
from domain.operator import Role
from tests.desk import new_person

PATIENCE: Final = 300
"""Seconds for the whole story."""

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PEOPLE: Final = {
    "admin": Role.ADMIN,
    "other": Role.ADMIN,
    "operator": Role.OPERATOR,
    "viewer": Role.VIEWER,
}


def find_browser() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


async def test_the_story_of_the_panel(stack: Stack) -> None:
    chromium = find_browser()
    if chromium is None:
        pytest.skip("no Chromium on this machine: install it, or name it in CHROMIUM")
    if find_node() is None or not (ROOT / "panel" / "node_modules" / "playwright-core").exists():
        pytest.skip("the panel's tools are not installed: make panel")
    if not (ROOT / "panel" / "dist" / "index.html").exists():
        pytest.skip("the panel is not built: make panel")
    people = {name: (await new_person(stack, role)).told() for name, role in _PEOPLE.items()}
    story = {
        "api": stack.api_url,
        "admin_url": f"{stack.api_url}/admin",
        "api_key": stack.api_key,
        "people": people,
    }
    told = subprocess.run(  # noqa: ASYNC221 - nothing else happens here meanwhile
        [sys.executable, "-m", "devstack.node", "panel/e2e/panel.mjs"],
        cwd=ROOT,
        env=os.environ | {"CHROMIUM": chromium, "STORY": json.dumps(story)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_first_load_is_small() -> None:
    """What the first page needs, compressed: under 300 kB."""
    dist = ROOT / "panel" / "dist"
    if not (dist / "index.html").exists():
        pytest.skip("the panel is not built: make panel")
    wanted = set(re.findall(r"/admin/(assets/[^\"]+)", (dist / "index.html").read_text()))
    wanted |= {f"assets/{path.name}" for path in (dist / "assets").glob("Overview-*")}
    pending = list(wanted)
    while pending:
        file = dist / pending.pop()
        if file.suffix != ".js":
            continue
        for name in re.findall(r"(?:from|import)\s*[\"']\./([^\"']+)[\"']", file.read_text()):
            if (path := f"assets/{name}") not in wanted:
                wanted.add(path)
                pending.append(path)
    size = sum(len(gzip.compress((dist / path).read_bytes())) for path in wanted)
    assert size < 300_000, f"{size} bytes"
