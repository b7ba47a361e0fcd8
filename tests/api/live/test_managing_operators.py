"""An administrator manages who may sign in."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.operator import Role
from tests.desk import SIGN_IN, Json, Person, browser, sign_in
from tests.live import new_key, open_office

OPERATORS = "/v1/admin/operators"
BECAUSE = "to see what happens"


@pytest.fixture
async def admin(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with open_office(stack, Role.ADMIN) as opened:
        yield opened


async def create(admin: httpx.AsyncClient, role: Role, **more: object) -> Json:
    name = f"made {new_key()}"
    answer = await admin.post(OPERATORS, json={"name": name, "role": role, "reason": BECAUSE, **more})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def person(made: Json, password: str | None = None) -> Person:
    operator = made["operator"]
    return Person(operator["id"], operator["name"], password or made["password"], made["totp_secret"])


async def test_an_operator_is_created_signs_in_is_promoted_reset_and_shut_out(
    admin: httpx.AsyncClient, stack: Stack, database: asyncpg.Connection
) -> None:
    made = await create(admin, Role.VIEWER)
    assert made["operator"]["can_sign_in"] is True
    assert made["totp_uri"].startswith("otpauth://totp/smartpay:")
    path = f"{OPERATORS}/{made['operator']['id']}"
    async with browser(stack) as at:
        await sign_in(at, person(made))
        promoted = await admin.put(f"{path}/role", json={"role": "operator", "reason": BECAUSE})
        assert promoted.json()["role"] == "operator"
        assert (await at.get("/v1/admin/me")).json()["role"] == "operator"

        given = "correct horse 42 battery"
        reset = await admin.post(f"{path}/credentials", json={"password": given, "reason": BECAUSE})
        assert (reset.status_code, reset.json()["password"]) == (200, None)
        assert reset.json()["totp_secret"] != made["totp_secret"]
        assert (await at.get("/v1/admin/me")).status_code == 401
        at.cookies.clear()
        assert (await at.post(SIGN_IN, json=person(made).credentials())).status_code == 401
        await sign_in(at, person(reset.json(), given))

        disabled = await admin.post(f"{path}/disable", json={"reason": BECAUSE})
        assert (disabled.json()["can_sign_in"], disabled.status_code) == (False, 200)
        assert (await at.get("/v1/admin/me")).status_code == 401
    again = await admin.post(f"{path}/credentials", json={"reason": BECAUSE})
    assert (again.status_code, again.json()["code"]) == (409, "operator_disabled")
    listed = {row["id"]: row for row in (await admin.get(OPERATORS)).json()["data"]}
    assert listed[made["operator"]["id"]]["disabled_at"] is not None
    rows = await database.fetch(
        "SELECT action, reason FROM audit_log WHERE subject = $1 AND actor = $2 ORDER BY id",
        made["operator"]["id"],
        (await admin.get("/v1/admin/me")).json()["id"],
    )
    assert [(row["action"], row["reason"]) for row in rows] == [
        ("operator.created", BECAUSE),
        ("operator.credentials_issued", BECAUSE),
        ("operator.role_changed", BECAUSE),
        ("operator.credentials_issued", BECAUSE),
        ("operator.disabled", BECAUSE),
    ]


async def test_the_totp_secret_is_sealed_in_the_database(
    admin: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    made = await create(admin, Role.VIEWER)
    row = await database.fetchrow(
        "SELECT password_hash, totp_secret FROM operator_credentials WHERE operator_id = $1",
        made["operator"]["id"],
    )
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")
    assert made["totp_secret"].encode() not in row["totp_secret"]


@pytest.mark.parametrize("password", ["short 1", "no digits in here", "123456789012345", "P4ssword1234!"])
async def test_a_weak_password_is_refused(admin: httpx.AsyncClient, password: str) -> None:
    body = {"name": f"weak {new_key()}", "role": "viewer", "password": password, "reason": BECAUSE}
    answer = await admin.post(OPERATORS, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/password")
    assert password not in answer.text


async def test_what_an_administrator_cannot_do(admin: httpx.AsyncClient) -> None:
    me = (await admin.get("/v1/admin/me")).json()
    made = await create(admin, Role.VIEWER)
    taken = {"name": made["operator"]["name"], "role": "viewer", "reason": BECAUSE}
    calls = [
        (await admin.post(OPERATORS, json=taken), 409, "name_taken"),
        (await admin.post(f"{OPERATORS}/{me['id']}/disable", json={"reason": BECAUSE}), 409, "own_account"),
        (
            await admin.put(f"{OPERATORS}/{me['id']}/role", json={"role": "viewer", "reason": BECAUSE}),
            409,
            "own_account",
        ),
        (
            await admin.post(f"{OPERATORS}/op_{'0' * 26}/unlock", json={"reason": BECAUSE}),
            404,
            "not_found",
        ),
    ]
    for answer, status, code in calls:
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_locked_operator_is_unlocked(admin: httpx.AsyncClient, database: asyncpg.Connection) -> None:
    made = await create(admin, Role.VIEWER)
    operator_id = made["operator"]["id"]
    await database.execute(
        "UPDATE operator_credentials SET locked_until = now() + interval '1 hour' WHERE operator_id = $1",
        operator_id,
    )
    listed = {row["id"]: row for row in (await admin.get(OPERATORS)).json()["data"]}
    assert listed[operator_id]["locked_until"] is not None
    answer = await admin.post(f"{OPERATORS}/{operator_id}/unlock", json={"reason": BECAUSE})
    assert answer.json()["locked_until"] is None
