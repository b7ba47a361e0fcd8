"""Encrypted histories through the running codec endpoint, as Temporal's own tools call it."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from pydantic import ValidationError
from starlette.responses import JSONResponse
from temporalio.api.common.v1 import Payload

from api import codec_cors
from api.json_guard import JsonGuard
from config.codec import EncryptingCodec
from config.keys import KeyRing, new_key
from config.settings import Settings
from devstack.settings import KEYS_FILE
from devstack.stack import Stack
from domain.operator import Role
from tests.api.live.test_admin import refused
from tests.live import open_office

PATH = "/v1/admin/codec/decode"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"card":"4242424242424242"}')


def ring(stack: Stack) -> KeyRing:
    return KeyRing.parse((stack.data_dir / KEYS_FILE).read_text())


async def sealed(keys: KeyRing, *payloads: Payload) -> list[dict[str, Any]]:
    return [MessageToDict(each) for each in await EncryptingCodec(keys).encode(payloads)]


@pytest.fixture
async def office(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with open_office(stack, Role.OPERATOR) as opened:
        yield opened


async def test_payloads_are_decrypted_for_an_operator_and_it_is_recorded(
    stack: Stack, office: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    ours = await sealed(ring(stack), PLAIN, Payload(data=b"\0" * 1000))
    [foreign] = await sealed(KeyRing.parse(new_key("elsewhere")), PLAIN)
    clear = {"metadata": {"encoding": base64.b64encode(b"json/plain").decode()}, "data": "e30=", "new": 1}
    answer = await office.post(PATH, json={"payloads": [*ours, foreign, clear]}, headers={"X-Namespace": "x"})
    opened = answer.raise_for_status().json()["payloads"]
    assert opened[0] == MessageToDict(PLAIN)
    assert base64.b64decode(opened[1]["data"]) == b"\0" * 1000
    assert opened[2:] == [foreign, clear]
    me = (await office.get("/v1/admin/me")).json()["id"]
    after = await database.fetchval(
        "SELECT after FROM audit_log WHERE actor = $1 AND action = 'histories.decrypted'", me
    )
    assert after == '{"payloads": 4, "unreadable": 1}'


async def test_who_may_not_and_what_is_too_much_is_refused(stack: Stack, office: httpx.AsyncClient) -> None:
    async with open_office(stack, Role.VIEWER) as viewer:
        await refused(await viewer.post(PATH, json={"payloads": []}), 403, "forbidden")
    anybody = await office.post(PATH, json={"payloads": []}, headers={"Authorization": "Bearer sp_x"})
    await refused(anybody, 401, "unauthorized")
    await refused(await office.post(PATH, json={"payloads": [{"data": 5}]}), 422, "invalid_request")
    await refused(await office.post(PATH, json={"payloads": [{}] * 501}), 422, "invalid_request")
    big = await office.post(PATH, json={"payloads": [{"data": "A" * 500_000}]})
    assert big.is_success
    card = await office.post(f"{PATH}?card=4242424242424242", json={"payloads": []})
    await refused(card, 422, "card_data_refused")
    await refused(await office.post("/v1/admin/codec/encode", json={"payloads": []}), 404, "not_found")


async def test_a_larger_body_is_taken_there_and_no_endless_one() -> None:
    """And only there it is not searched: base64 has digits that look like cards."""
    guard = JsonGuard(
        JSONResponse({}),
        sealed_prefixes=[codec_cors.PREFIX],
        limits_under={codec_cors.PREFIX: codec_cors.LIMITS},
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(guard), base_url="http://api.example"
    ) as client:
        assert (await client.post(PATH, json={"data": "4242424242424242"})).is_success
        assert (await client.post(PATH, json={"data": "A" * 1_000_000})).is_success
        await refused(await client.post(PATH, json={"data": "A" * 2**20}), 413, "body_too_large")
        await refused(await client.post("/v1/admin/x", json={"data": "A" * 100_000}), 413, "body_too_large")
        await refused(
            await client.post("/v1/admin/x", json={"data": "4242424242424242"}), 422, "card_data_refused"
        )


async def test_only_the_web_ui_is_answered_across_origins(stack: Stack, office: httpx.AsyncClient) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-namespace"}
    ui = {"Origin": stack.temporal_ui_url}
    allowed = await office.options(PATH, headers={**ui, **asked})
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == stack.temporal_ui_url
    answer = await office.post(PATH, json={"payloads": []}, headers=ui)
    assert answer.headers["access-control-allow-origin"] == stack.temporal_ui_url
    assert "Origin" in answer.headers["vary"]
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        stranger = await office.post(PATH, json={"payloads": []}, headers=headers)
        assert "access-control-allow-origin" not in stranger.headers
    elsewhere = await office.get("/v1/admin/me", headers=ui)
    assert "access-control-allow-origin" not in elsewhere.headers


@pytest.mark.parametrize("origin", ["*", "null", "https://a.example/", "a.example", "https://a.example,*"])
def test_an_origin_is_one_origin(origin: str) -> None:
    with pytest.raises(ValidationError, match="origin"):
        Settings(temporal_ui_origin=origin)
