"""The panel as it was built: its size, what it works out, its story in a browser (`panel/e2e/`)."""

import asyncio
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from devstack.node import find_node
from devstack.ports import Ports
from devstack.programs import ROOT
from devstack.stack import Stack
from domain.operator import Role
from routing.card_network import CardNetwork
from tests.desk import new_person
from tests.notifications.receiver import receiving

pytestmark = pytest.mark.long

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


SETTINGS: Final[Mapping[str, object]] = {"CIRCUIT_FAILURES": 3, "CIRCUIT_OPEN_FOR": 300}
"""Few failures are an outage, and it lasts for the rest of the story."""


async def test_the_story_of_the_panel(tmp_path: Path) -> None:
    """On a stack of its own: it changes the routing and breaks a gateway."""
    chromium = find_browser()
    if chromium is None:
        pytest.skip("no Chromium on this machine: install it, or name it in CHROMIUM")
    _needs_tools()
    if not (ROOT / "panel" / "dist" / "index.html").exists():
        pytest.skip("the panel is not built: make panel")
    async with receiving() as receiver:
        told = {"ALERT_URLS": f"json://127.0.0.1:{receiver.port}/alerts"}
        async with Stack(tmp_path, ports=Ports.free(), settings_overrides={**SETTINGS, **told}) as stack:
            people = {name: (await new_person(stack, role)).told() for name, role in _PEOPLE.items()}
            story = {
                "api": stack.api_url,
                "admin_url": f"{stack.api_url}/admin",
                "api_key": stack.api_key,
                "sandbox": stack.sandbox_url,
                "people": people,
            }
            # A thread: the processes are watched, and alerts received, by this loop meanwhile.
            print(await asyncio.to_thread(_run, "panel.mjs", CHROMIUM=chromium, STORY=json.dumps(story)))
        messages = [json.loads(each.body)["message"] for each in receiver.received]
    assert any("account.circuit_open" in message for message in messages), messages


def test_what_the_panel_works_out_by_itself() -> None:
    """Amounts, differences and merging of policies, places in a document."""
    _needs_tools()
    _run("rules.mjs")


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


def test_it_offers_every_card_network() -> None:
    """To say what a card is, by its first digits."""
    source = (ROOT / "panel" / "src" / "routing" / "policy.ts").read_text()
    offered = re.search(r"NETWORKS = \[(.*?)\]", source, re.DOTALL)
    assert offered
    assert re.findall(r'"(\w+)"', offered[1]) == [network.value for network in CardNetwork]


def _needs_tools() -> None:
    if find_node() is None or not (ROOT / "panel" / "node_modules" / "playwright-core").exists():
        pytest.skip("the panel's tools are not installed: make panel")
    if not (ROOT / "panel" / "generated" / "schema.d.ts").exists():
        pytest.skip("the panel is not built: make panel")


def _run(script: str, **variables: str) -> str:
    """What it prints."""
    told = subprocess.run(  # noqa: S603 - our own interpreter and scripts
        [sys.executable, "-m", "devstack.node", f"panel/e2e/{script}"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout
