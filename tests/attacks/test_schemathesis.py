"""Requests made up from the API's own description: no 5xx, and no answer that the description lacks."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from devstack.stack import Stack
from domain.operator import Role
from tests.attacks.front import serving
from tests.attacks.test_access import operators_token
from tests.live import Shop

pytestmark = pytest.mark.long

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
ADMIN = "^/v1/admin/"
STREAM = "/stream$"
"""Answers that do not end: tests/api/live/test_stream.py is about it."""
SECONDS = 40
"""That one run may go on making up requests."""


async def attack(url: str, bearer: str, where: Path, *options: str) -> None:
    """Fails with the report where a check does."""
    headers = (f"Authorization: Bearer {bearer}", "Prefer: wait=0")
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *(
            "run",
            f"{url}/openapi.json",
            "--checks",
            ",".join(CHECKS),
            "--phases",
            "examples,coverage,fuzzing",
        ),
        *("--max-examples", "12", "--max-time", str(SECONDS), "--seed", "1", "--generation-database", "none"),
        *("--no-color", "--no-shrink", "--continue-on-failure", "--suppress-health-check", "all"),
        *(word for header in headers for word in ("--header", header)),
        *options,
        cwd=where,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        report, _ = await asyncio.wait_for(process.communicate(), SECONDS * 3)
    finally:
        if process.returncode is None:
            process.kill()
    told = report.decode(errors="replace")
    assert process.returncode == 0, told[-6000:]
    assert "Test cases" in told or "test cases" in told.lower(), told[-3000:]


async def test_a_merchants_operations_keep_to_the_description(
    stack: Stack, shop: Shop, tmp_path: Path
) -> None:
    key = shop.http.headers["Authorization"].removeprefix("Bearer ")
    await attack(stack.api_url, key, tmp_path, "--exclude-path-regex", ADMIN)


async def test_the_operators_operations_keep_to_the_description(database_url: str, tmp_path: Path) -> None:
    """Against an installation of its own: it throws every switch there is."""
    async with serving(database_url) as front:
        token = await operators_token(front, Role.ADMIN)
        await attack(
            f"http://127.0.0.1:{front.port}",
            token,
            tmp_path,
            "--include-path-regex",
            ADMIN,
            "--exclude-path-regex",
            STREAM,
        )
