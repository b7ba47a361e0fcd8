"""What every answer says to browsers, what is not public in production, and that no other origin may read."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.security_headers import HEADERS
from tests.attacks.front import Front, production, serving


@pytest.fixture
async def deployed(module_database_url: str) -> AsyncIterator[Front]:
    async with serving(module_database_url, **production()) as opened:
        yield opened


async def some_of_everything(front: Front) -> list[httpx.Response]:
    """Successes, refusals of every layer, pages."""
    http = front.http
    return [
        await http.get("/healthz"),
        await http.get("/returned"),
        await http.get("/docs/problems"),
        await http.get("/nothing"),
        await http.delete("/v1/checkouts"),
        await http.get("/v1/checkouts"),
        await http.post("/v1/checkouts", content=b"{", headers={"Content-Type": "application/json"}),
        await http.post("/v1/checkouts", content=b"x" * 70_000),
        await http.get("/v1/checkouts/4242424242424242"),
        await http.post("/webhooks/nobody"),
        await http.get("/readyz"),
    ]


async def test_every_answer_carries_them(deployed: Front) -> None:
    answers = await some_of_everything(deployed)
    assert {200, 401, 404, 405, 413, 422, 503} <= {answer.status_code for answer in answers}
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (answer.url, name)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert "server" not in answer.headers


async def test_no_other_origin_may_read_anything(deployed: Front) -> None:
    for origin in ("https://evil.example", "null", "https://pay.example.com", "http://localhost:3000"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for method, path in (("OPTIONS", "/v1/checkouts"), ("GET", "/healthz"), ("GET", "/v1/checkouts")):
            answer = await deployed.http.request(method, path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert origin not in str(answer.headers)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/metrics", "/redoc", "/docs/oauth2-redirect"])
async def test_what_helps_an_attacker_is_not_public_in_production(deployed: Front, path: str) -> None:
    assert (await deployed.http.get(path)).status_code == 404
    assert (await deployed.http.get("/docs/problems")).status_code == 200


async def test_both_can_be_switched_on(database_url: str) -> None:
    async with serving(database_url, **production(expose_docs=True, expose_metrics=True)) as front:
        viewer = await front.http.get("/docs")
        assert viewer.status_code == 200
        assert "frame-ancestors 'none'" in viewer.headers["content-security-policy"]
        assert "cdn.jsdelivr.net" in viewer.headers["content-security-policy"]
        assert (await front.http.get("/openapi.json")).status_code == 200
        assert "smartpay_rate_limited_total" in (await front.http.get("/metrics")).text


async def test_both_can_be_switched_off_in_development_and_http_promises_no_https(database_url: str) -> None:
    async with serving(database_url, expose_docs=False, expose_metrics=False) as front:
        for path in ("/docs", "/openapi.json", "/metrics"):
            assert (await front.http.get(path)).status_code == 404
        assert "strict-transport-security" not in (await front.http.get("/healthz")).headers
