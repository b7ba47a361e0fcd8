"""Signing in to the panel: the way in, every way that is none, and the end of a session."""

import asyncio

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.operator import Role
from storage.operator_credentials import MOST_FAILURES
from tests.desk import SIGN_IN, Person, browser, new_person, sign_in

BECAUSE = "to see what happens"
SWITCH = "/v1/admin/switches/refunds/stripe"
THAW = {"frozen": False, "reason": BECAUSE}


async def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def actions(database: asyncpg.Connection, person: Person) -> list[str]:
    rows = await database.fetch(
        "SELECT action, after FROM audit_log WHERE subject = $1 ORDER BY id", person.id
    )
    return [row["action"] for row in rows]


async def test_a_person_signs_in_acts_and_signs_out(stack: Stack, database: asyncpg.Connection) -> None:
    person = await new_person(stack, Role.OPERATOR)
    async with browser(stack) as at:
        answer = await at.post(SIGN_IN, json=person.credentials())
        cookie = answer.headers["set-cookie"]
        for attribute in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
            assert attribute in cookie
        assert "Secure" not in cookie  # on a loopback address, in development
        assert answer.headers["cache-control"] == "no-store"
        me = answer.json()
        assert (me["id"], me["role"], me["idle_seconds"]) == (person.id, "operator", 900)
        assert (await at.get("/v1/admin/me")).json() == me
        at.headers["X-CSRF-Token"] = me["csrf_token"]
        assert (await at.put(SWITCH, json=THAW)).is_success
        cookies = dict(at.cookies)
        assert (await at.post("/v1/admin/sign-out")).status_code == 204
        assert not at.cookies
        at.cookies.update(cookies)
        await refused(await at.get("/v1/admin/me"), 401, "unauthorized")
        assert (await at.post("/v1/admin/sign-out")).status_code == 204
    assert (await actions(database, person))[-2:] == ["operator.signed_in", "operator.signed_out"]


async def test_what_changes_something_needs_the_csrf_token(stack: Stack) -> None:
    person, other = await new_person(stack, Role.OPERATOR), await new_person(stack, Role.OPERATOR)
    async with browser(stack) as at, browser(stack) as elsewhere:
        token = (await sign_in(at, person))["csrf_token"]
        foreign = (await sign_in(elsewhere, other))["csrf_token"]
        del at.headers["X-CSRF-Token"]
        for headers in (
            [],
            [("X-CSRF-Token", foreign)],
            [("X-CSRF-Token", "")],
            [("X-CSRF-Token", token)] * 2,
        ):
            await refused(await at.put(SWITCH, json=THAW, headers=headers), 403, "csrf_token_wrong")
            await refused(await at.post("/v1/admin/sign-out", headers=headers), 403, "csrf_token_wrong")
        assert (await at.get("/v1/admin/switches")).is_success
        assert (await at.put(SWITCH, json=THAW, headers={"X-CSRF-Token": token})).is_success


async def test_a_session_id_is_never_taken_over_or_kept(stack: Stack, database: asyncpg.Connection) -> None:
    """A planted cookie is not adopted; signing in again ends the session before."""
    person = await new_person(stack, Role.VIEWER)
    async with browser(stack) as at:
        planted = "x" * 43
        at.cookies.set("smartpay_session", planted, domain="127.0.0.1", path="/")
        await sign_in(at, person)
        sent = {str(each.value) for each in at.cookies.jar if each.name == "smartpay_session"}
        first = (sent - {planted}).pop()
        at.cookies.clear()
        at.cookies.set("smartpay_session", first)
        await sign_in(at, person)
    async with browser(stack) as old:
        old.cookies.set("smartpay_session", first)
        await refused(await old.get("/v1/admin/me"), 401, "unauthorized")
    stored = await database.fetch("SELECT digest FROM operator_sessions WHERE operator_id = $1", person.id)
    assert len(stored) == 1
    assert first.encode() not in bytes(stored[0]["digest"])


@pytest.mark.parametrize("change", ["idle", "old", "disabled"])
async def test_a_session_ends(stack: Stack, database: asyncpg.Connection, change: str) -> None:
    person = await new_person(stack, Role.VIEWER)
    moved = {
        "idle": "UPDATE operator_sessions SET last_used_at = now() - interval '15 minutes 1 second'"
        " WHERE operator_id = $1",
        "old": "UPDATE operator_sessions SET created_at = now() - interval '12 hours 1 second'"
        " WHERE operator_id = $1",
        "disabled": "UPDATE operators SET disabled_at = now() WHERE id = $1",
    }
    async with browser(stack) as at:
        await sign_in(at, person)
        await database.execute(moved[change], person.id)
        await refused(await at.get("/v1/admin/me"), 401, "unauthorized")


async def test_a_session_that_is_used_lives_on(stack: Stack, database: asyncpg.Connection) -> None:
    person = await new_person(stack, Role.VIEWER)
    async with browser(stack) as at:
        await sign_in(at, person)
        for _ in range(2):
            await database.execute(
                "UPDATE operator_sessions SET last_used_at = now() - interval '14 minutes'"
                " WHERE operator_id = $1",
                person.id,
            )
            assert (await at.get("/v1/admin/me")).is_success


async def test_every_wrong_try_is_answered_alike_and_recorded(
    stack: Stack, database: asyncpg.Connection
) -> None:
    person = await new_person(stack, Role.VIEWER)
    gone = await new_person(stack, Role.VIEWER)
    await database.execute("UPDATE operators SET disabled_at = now() WHERE id = $1", gone.id)
    async with browser(stack) as at:
        used = person.credentials()
        assert (await at.post(SIGN_IN, json=used)).is_success
        at.cookies.clear()
        tries = [
            used,
            person.credentials(totp="000000"),
            person.credentials(password=f"{person.password}x"),
            {**used, "name": "nobody of this name"},
            gone.credentials(),
        ]
        answers = [await at.post(SIGN_IN, json=each) for each in tries]
        bodies = []
        for answer in answers:
            await refused(answer, 401, "sign_in_refused")
            assert "set-cookie" not in answer.headers
            bodies.append({**answer.json(), "request_id": ""})
        assert all(body == bodies[0] for body in bodies)
    failures = await database.fetch(
        "SELECT after->>'why' AS why FROM audit_log"
        " WHERE subject = $1 AND action = 'operator.sign_in_failed' ORDER BY id",
        person.id,
    )
    assert [row["why"] for row in failures] == ["code", "code", "password"]


async def test_an_unknown_name_takes_as_long(stack: Stack) -> None:
    """A dummy is hashed, so that time does not tell who exists."""
    person = await new_person(stack, Role.VIEWER)
    wrong = {"name": person.name, "password": "not the password 1", "totp": "123456"}

    async def seconds(name: str) -> float:
        async with browser(stack) as at:
            taken = []
            for _ in range(4):
                answer = await at.post(SIGN_IN, json={**wrong, "name": name})
                taken.append(answer.elapsed.total_seconds())
        return min(taken)

    known, unknown = await seconds(person.name), await seconds("nobody of this name")
    assert min(known, unknown) > 0.25 * max(known, unknown)


async def test_ten_wrong_tries_lock_out_for_half_an_hour(stack: Stack, database: asyncpg.Connection) -> None:
    person = await new_person(stack, Role.VIEWER)
    wrong = person.credentials(password="not the password 1")
    async with browser(stack) as at:
        answers = await asyncio.gather(*(at.post(SIGN_IN, json=wrong) for _ in range(MOST_FAILURES)))
        assert {answer.status_code for answer in answers} == {401}
        await refused(await at.post(SIGN_IN, json=person.credentials()), 401, "sign_in_refused")
        left = "SELECT locked_until - now() FROM operator_credentials WHERE operator_id = $1"
        assert 29 * 60 < (await database.fetchval(left, person.id)).total_seconds() <= 30 * 60
        assert (await actions(database, person)).count("operator.locked") == 1
        alert = "SELECT count(*) FROM alerts WHERE kind = 'operator.locked' AND subject = $1"
        assert await database.fetchval(alert, person.id) == 1
        await database.execute(
            "UPDATE operator_credentials SET locked_until = now() WHERE operator_id = $1", person.id
        )
        await sign_in(at, person)


async def test_what_is_no_try_at_all_is_refused_before_it_counts(stack: Stack) -> None:
    async with browser(stack) as at:
        for body in ({}, {"name": "Ada", "password": "x", "totp": "12345"}, {"name": "", "password": ""}):
            await refused(await at.post(SIGN_IN, json=body), 422, "invalid_request")
        form = await at.post(SIGN_IN, data={"name": "Ada", "password": "x", "totp": "123456"})
        await refused(form, 415, "unsupported_media_type")


async def test_a_cookie_beside_a_token_is_judged_by_the_token(stack: Stack) -> None:
    person = await new_person(stack, Role.VIEWER)
    async with browser(stack) as at:
        await sign_in(at, person)
        answer = await at.get("/v1/admin/me", headers={"Authorization": "Bearer sp_op_wrong"})
        await refused(answer, 401, "unauthorized")
