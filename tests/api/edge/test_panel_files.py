"""The panel as files: what browsers are told, and that nothing else of the machine is served."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from api.error_handlers import install
from api.routes import panel
from api.security_headers import NOTHING, SecurityHeaders
from api.services import services

SCRIPT = "assets/index-B3x9Kq2Z.js"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>the panel</title>")
    (root / SCRIPT).write_text("console.log(1);" * 200)
    (root / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.fixture
async def at(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(panel.router)
    app.dependency_overrides[services] = lambda: SimpleNamespace(settings=SimpleNamespace(panel_dir=built))
    install(app)
    transport = httpx.ASGITransport(app=SecurityHeaders(app, https=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://panel.example") as client:
        yield client


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/checkouts", f"/admin/checkouts/co_{'0' * 26}"])
async def test_every_page_is_the_panel_and_is_asked_for_again(at: httpx.AsyncClient, path: str) -> None:
    answer = await at.get(path)
    assert (answer.status_code, "the panel" in answer.text) == (200, True)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == panel.POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (await at.head(path)).status_code == 200


async def test_nothing_of_the_policy_lets_a_script_in(at: httpx.AsyncClient) -> None:
    policy = dict(
        part.split(" ", 1) for part in (await at.get("/admin")).headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe-eval" not in str(policy)
    assert [name for name, value in policy.items() if "unsafe-inline" in value] == ["style-src-attr"]


async def test_what_is_named_after_its_content_is_kept_for_ever_and_packed(
    at: httpx.AsyncClient, built: Path
) -> None:
    answer = await at.get(f"/admin/{SCRIPT}", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text == (built / SCRIPT).read_text()
    assert int(answer.headers["content-length"]) == len(gzip.compress(answer.content, 6, mtime=0))
    plain = await at.get(f"/admin/{SCRIPT}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    icon = await at.get("/admin/icon.svg", headers={"Accept-Encoding": "gzip"})
    assert icon.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in icon.headers  # too small to be worth it


@pytest.mark.parametrize(
    "path",
    [
        "/admin/assets/index-00000000.js",
        "/admin/../secret.txt",
        "/admin/%2e%2e/secret.txt",
        "/admin/..%2fsecret.txt",
        "/admin/assets/..%2f..%2f..%2fsecret.txt",
        "/admin/link.txt",
        "/admin/favicon.ico",
        "/admin/a%00.txt",
    ],
)
async def test_what_is_not_the_panels_is_not_there(at: httpx.AsyncClient, path: str) -> None:
    answer = await at.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == NOTHING


async def test_a_panel_that_is_not_built_says_how(at: httpx.AsyncClient, built: Path) -> None:
    (built / "index.html").unlink()
    answer = await at.get("/admin")
    assert (answer.status_code, "make panel" in answer.text) == (503, True)
    assert answer.headers["cache-control"] == "no-store"
