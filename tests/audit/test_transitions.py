"""Every transition enters the audit log (I22), whoever makes it."""

import json
from typing import Any

import asyncpg
import pytest

from chaos.oracle.audit import Row, audit_gaps
from domain.decline import DeclineCategory
from tests.refunds.conftest import NewTill
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import decline

TABLES = {"checkouts": "id", "attempts": "id", "refunds": "id", "checkout_events": "id", "audit_log": "id"}


async def evidence(url: str) -> dict[str, list[Row]]:
    connection = await asyncpg.connect(url)
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    queries = {name: f"SELECT * FROM {name} ORDER BY {key}" for name, key in TABLES.items()}  # noqa: S608
    rows: dict[str, list[Row]] = {
        name: [dict(row) for row in await connection.fetch(query)] for name, query in queries.items()
    }
    await connection.close()
    return rows


def gaps(rows: dict[str, list[Row]]) -> list[tuple[str, str]]:
    return list(
        audit_gaps(
            checkouts=rows["checkouts"],
            attempts=rows["attempts"],
            refunds=rows["refunds"],
            told=rows["checkout_events"],
            log=rows["audit_log"],
        )
    )


def of(rows: dict[str, list[Row]], checkout: str) -> list[str]:
    return [row["action"] for row in rows["audit_log"] if row["checkout_id"] == checkout]


async def test_a_failover_is_told_step_by_step(new_world: NewWorld, module_database_url: str) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
    rows = await evidence(module_database_url)
    assert of(rows, checkout) == [
        "checkout.processing",
        "attempt.started",
        "attempt.declined",
        "attempt.started",
        "attempt.captured",
        "checkout.succeeded",
    ]
    assert gaps(rows) == []
    last = rows["audit_log"][-1]
    assert (last["actor"], last["origin"], last["result"]) == ("system", "smartpay", "success")
    assert (last["before"], last["after"]) == ({"status": "processing"}, {"status": "succeeded"})


async def test_a_refund_is_told(new_till: NewTill, module_database_url: str) -> None:
    async with new_till("card-a") as till:
        refund = await till.refund()
    rows = await evidence(module_database_url)
    told = [row["action"] for row in rows["audit_log"] if row["subject"] == refund.id]
    assert (told[0], told[-1]) == ("refund.pending", "refund.succeeded")
    assert of(rows, till.checkout)[-1] in ("refund.succeeded", "attempt.refunded")
    assert gaps(rows) == []


async def test_a_change_by_hand_is_told_with_the_user(new_world: NewWorld, module_database_url: str) -> None:
    async with new_world("card-a", "card-b") as world:
        checkout = await world.checkout()
    connection = await asyncpg.connect(module_database_url, server_settings={"application_name": "psql"})
    await connection.execute("UPDATE checkouts SET status = 'succeeded' WHERE id = $1", checkout)
    user = await connection.fetchval("SELECT session_user")
    await connection.close()
    rows = await evidence(module_database_url)
    entry = rows["audit_log"][-1]
    assert (entry["actor"], entry["origin"], entry["action"]) == (
        f"database:{user}",
        "psql",
        "checkout.succeeded",
    )
    # And the timeline, which only the product writes, does not know of it.
    assert gaps(rows) == [(checkout, "its timeline tells [], the audit log ['succeeded']")]


def test_gaps_are_seen() -> None:
    """The checker finds what is missing, changed or too much."""
    body: dict[str, Any] = {"checkout_id": "co_1", "subject": "co_1"}
    row = {"id": "co_1", "status": "failed"}
    made = {**body, "id": 1, "before": None, "after": {"status": "processing"}}
    ended = {**body, "id": 2, "before": {"status": "processing"}, "after": {"status": "failed"}}
    told = {"checkout_id": "co_1", "kind": "checkout.failed"}

    def found(log: list[Row], checkouts: tuple[Row, ...] = (row,)) -> list[str]:
        wrong = audit_gaps(checkouts=checkouts, attempts=[], refunds=[], told=[told], log=log)
        return [what for _, what in wrong]

    assert found([made, ended]) == []
    assert found([])[0] == "has no entry"
    assert found([made])[0] == "is failed, its entries end at processing"
    assert found([ended])[0] == "entry 2 begins at processing, the one before ended at None"
    assert found([ended, made])[0] == "entry 2 begins at processing, the one before ended at None"
    assert found([made, ended], checkouts=()) == ["has entries and no row"]


@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
async def test_the_rights_of_the_hardening_page_refuse_changes(database_url: str, right: str) -> None:
    """A role of its own for the product, as docs/security.md gives it, lacks the right before any trigger."""
    owner = await asyncpg.connect(database_url)
    role = f"app_{right.lower()}"
    await owner.execute(f"CREATE ROLE {role}")
    await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    await owner.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
    await owner.execute(f"REVOKE UPDATE, DELETE ON audit_log, audit_seals FROM {role}")
    try:
        await owner.execute(f"SET ROLE {role}")
        await owner.execute("INSERT INTO audit_log (actor, action, subject) VALUES ('a', 'b', 'c')")
        change = {
            "UPDATE": "UPDATE audit_log SET actor = ''",
            "DELETE": "DELETE FROM audit_log",
            "TRUNCATE": "TRUNCATE audit_log",
        }[right]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(change)
    finally:
        await owner.execute("RESET ROLE")
        await owner.execute(f"DROP OWNED BY {role}")
        await owner.execute(f"DROP ROLE {role}")
        await owner.close()
