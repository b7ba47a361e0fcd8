"""Nobody gets in where they do not belong: keys, scopes and roles, on every operation of the API."""

import base64
import json
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.api_key import KeyScope
from domain.operator import Role
from storage import operators
from storage.database import Database
from tests.attacks.front import Front, serving
from tests.attacks.operations import operations

WRITE, READ = KeyScope.CHECKOUTS_WRITE, KeyScope.CHECKOUTS_READ
NEEDED = {
    "POST /v1/checkouts": WRITE,
    "GET /v1/checkouts": READ,
    "GET /v1/checkouts/{checkout_id}": READ,
    "POST /v1/checkouts/{checkout_id}/cancel": WRITE,
    "POST /v1/checkouts/{checkout_id}/capture": WRITE,
    "POST /v1/checkouts/{checkout_id}/refunds": KeyScope.REFUNDS_WRITE,
    "GET /v1/checkouts/{checkout_id}/refunds": READ,
    "GET /v1/refunds/{refund_id}": READ,
    "GET /v1/routing/resolve": KeyScope.ROUTING_READ,
}
OPEN = {
    "POST /webhooks/{account}",
    "GET /healthz",
    "GET /readyz",
    "POST /v1/admin/sign-in",
    "POST /v1/admin/sign-out",
}
"""Without a key or a token. Webhooks bring a signature, who signs in a password and a code."""

LOOKS = {"POST /v1/admin/routing/policy/validate", "POST /v1/admin/routing/simulate"}
"""Operators' calls that take a body and change nothing."""


ROLES = {"POST /v1/admin/operators", "PUT /v1/admin/operators/{operator_id}/role"}
"""Where a role is what the call is about."""


@pytest.fixture(scope="module")
async def front(module_database_url: str) -> AsyncIterator[Front]:
    async with serving(module_database_url) as opened:
        yield opened


@pytest.fixture
async def database(module_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database_url)
    yield connection
    await connection.close()


async def operators_token(front: Front, role: Role) -> str:
    database = Database(front.settings.sqlalchemy_url, pool_size=1)
    try:
        async with database.transaction() as session:
            made = await operators.create(session, f"{role} {secrets.token_hex(4)}", role, actor="test")
            return await operators.issue_token(session, made, actor="test")
    finally:
        await database.aclose()


def jwt(header: dict[str, str], claims: dict[str, str], signature: str = "") -> str:
    parts = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)
    )
    return ".".join([*parts, signature])


ADMIN = {"sub": "op_1", "role": "admin", "aud": "smartpay", "merchant_id": "mer_1"}
FORGED = {
    "an unsigned token": jwt({"alg": "none", "typ": "JWT"}, ADMIN),
    "a token that is signed with nothing": jwt({"alg": "HS256", "typ": "JWT"}, ADMIN, "AAAA"),
    "a token whose key is a file": jwt({"alg": "HS256", "kid": "../../dev/null"}, ADMIN, "AAAA"),
    "a token of another's key": jwt({"alg": "RS256", "jku": "https://evil.example/"}, ADMIN, "AAAA"),
    "SQL": "' OR '1'='1",
    "a wildcard": "%",
    "a prefix": "sp_",
    "an operator's prefix": "sp_op_",
    "a key of another installation": "sp_" + secrets.token_urlsafe(32),
    "a token of another installation": "sp_op_" + secrets.token_urlsafe(32),
    "a whole page": "x" * 5000,
}


async def test_every_operation_is_known_here(front: Front) -> None:
    listed = await operations(front.http)
    assert {str(each) for each in listed if each.merchants} == NEEDED.keys()
    assert {str(each) for each in listed if not each.merchants and not each.operators} == OPEN


async def test_whoever_is_nobody_is_refused_everywhere_and_told_the_same(front: Front) -> None:
    for each in await operations(front.http):
        if not each.merchants and not each.operators:
            continue
        answers = [await front.http.request(each.method, each.url())]
        for value in FORGED.values():
            headers = {"Authorization": f"Bearer {value}"}
            answers.append(await front.http.request(each.method, each.url(), headers=headers))
        cookies = {"Cookie": "session=forged; smartpay=forged; role=admin"}
        answers.append(await front.http.request(each.method, each.url(), headers=cookies))
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
            (401, "unauthorized")
        }, str(each)
        assert len({answer.json()["detail"] for answer in answers}) == 1, str(each)


async def test_a_key_opens_what_its_scopes_name_and_nothing_else(front: Front) -> None:
    only = {scope: await front.holder(f"Only {scope}", scopes=[scope]) for scope in KeyScope}
    for each in await operations(front.http):
        if not each.merchants:
            continue
        for scope, holder in only.items():
            answer = await front.http.request(each.method, each.url(), headers=holder.headers)
            if scope is NEEDED[str(each)]:
                assert answer.status_code not in (401, 403), (str(each), scope)
                continue
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), str(each)
            assert NEEDED[str(each)] in answer.json()["detail"]
            assert f'scope="{NEEDED[str(each)]}"' in answer.headers["www-authenticate"]


async def test_a_key_without_limits_opens_everything_of_its_merchant_and_nothing_of_the_operators(
    front: Front,
) -> None:
    holder = await front.holder("Everything")
    for each in await operations(front.http):
        answer = await front.http.request(each.method, each.url(), headers=holder.headers)
        if each.merchants:
            assert answer.status_code not in (401, 403), str(each)
        if each.operators:
            assert answer.status_code == 401, str(each)


async def test_an_operators_token_opens_nothing_of_a_merchant(front: Front) -> None:
    headers = {"Authorization": f"Bearer {await operators_token(front, Role.ADMIN)}"}
    for each in await operations(front.http):
        if each.merchants:
            assert (await front.http.request(each.method, each.url(), headers=headers)).status_code == 401


async def test_a_viewer_changes_nothing(front: Front) -> None:
    headers = {"Authorization": f"Bearer {await operators_token(front, Role.VIEWER)}"}
    for each in await operations(front.http):
        if each.operators and each.method != "GET" and str(each) not in LOOKS:
            answer = await front.http.request(each.method, each.url(), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), str(each)


async def test_nobody_assigns_what_is_not_theirs_to_say(front: Front) -> None:
    """Mass assignment: a field that no request has is refused by name, wherever it is tried."""
    holder = await front.holder("Assigning")
    token = await operators_token(front, Role.ADMIN)
    for each in await operations(front.http):
        if not each.takes_a_body:
            continue
        bearer = token if each.operators else holder.key
        headers = {"Authorization": f"Bearer {bearer}", "Idempotency-Key": "k1"}
        for field in (
            "id",
            "role",
            "status",
            "merchant_id",
            "amount_captured",
            "actor",
            "is_admin",
            "__proto__",
        ):
            if field == "role" and str(each) in ROLES:
                continue
            answer = await front.http.request(each.method, each.url(), json={field: "x"}, headers=headers)
            assert answer.status_code == 422, (str(each), field, answer.text)
            found = {(error["path"], error["code"]) for error in answer.json()["errors"]}
            assert (f"/{field}", "unknown_field") in found, (str(each), field)


async def test_an_expired_key_opens_nothing(front: Front, database: asyncpg.Connection) -> None:
    holder = await front.holder("Expiring")

    async def status() -> int:
        return (await front.http.get("/v1/checkouts", headers=holder.headers)).status_code

    end = "UPDATE api_keys SET expires_at = now() + make_interval(secs => $1) WHERE merchant_id = $2"
    await database.execute(end, 60, holder.merchant_id)
    assert await status() == 200
    await database.execute(end, -1, holder.merchant_id)
    assert await status() == 401


async def test_the_use_of_a_key_is_noted_once_a_minute(front: Front, database: asyncpg.Connection) -> None:
    holder = await front.holder("Noted")
    used = "SELECT last_used_at FROM api_keys WHERE merchant_id = $1"
    back = "UPDATE api_keys SET last_used_at = last_used_at - interval '61 seconds' WHERE merchant_id = $1"
    assert await database.fetchval(used, holder.merchant_id) is None
    await front.http.get("/v1/checkouts", headers=holder.headers)
    first = await database.fetchval(used, holder.merchant_id)
    assert first is not None
    await front.http.get("/v1/checkouts", headers=holder.headers)
    assert await database.fetchval(used, holder.merchant_id) == first
    await database.execute(back, holder.merchant_id)
    await front.http.get("/v1/checkouts", headers=holder.headers)
    assert await database.fetchval(used, holder.merchant_id) > first
