"""The version before runs on while and after a migration: none takes anything from it (D5).

What the old code can be refused is compared, table by table, before and after every migration: a column or
table that is gone or renamed, a type that is another, a value that it must give and does not know of, and a
constraint that refuses what was allowed. Indexes that are not unique refuse nothing.
"""

import asyncio
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Inspector, create_engine, inspect

from devstack.postgres import create_database, drop_database
from devstack.programs import ROOT
from storage.database import SCHEMA

Schema = dict[str, dict[str, Any]]


def schema(connection: Connection) -> Schema:
    looked = inspect(connection)
    return {name: _table(looked, name) for name in looked.get_table_names() if name != "alembic_version"}


def _table(looked: Inspector, name: str) -> dict[str, Any]:
    return {
        "columns": {
            each["name"]: (
                str(each["type"]),
                each["nullable"],
                each["default"] is not None or bool(each.get("identity")),
            )
            for each in looked.get_columns(name)
        },
        "refusals": {
            *(f"check {each['sqltext']}" for each in looked.get_check_constraints(name)),
            *(f"unique {each['column_names']}" for each in looked.get_unique_constraints(name)),
            *(
                f"unique index {each['column_names']} {each.get('dialect_options')}"
                for each in looked.get_indexes(name)
                if each["unique"]
            ),
            *(
                f"reference {each['constrained_columns']} to {each['referred_table']}"
                for each in looked.get_foreign_keys(name)
            ),
        },
    }


def taken(before: Schema, after: Schema) -> list[str]:
    """What code that was written for the schema before would stumble over."""
    found = []
    for table, old in before.items():
        if table not in after:
            found.append(f"{table}: is gone")
            continue
        new = after[table]
        for column, (kind, nullable, _) in old["columns"].items():
            if column not in new["columns"]:
                found.append(f"{table}.{column}: is gone")
                continue
            kind_now, nullable_now, _ = new["columns"][column]
            if kind_now != kind:
                found.append(f"{table}.{column}: was {kind}, is {kind_now}")
            if nullable and not nullable_now:
                found.append(f"{table}.{column}: must not be empty any more")
            if not nullable and nullable_now:
                found.append(f"{table}.{column}: may be empty, which is not expected")
        for column in new["columns"].keys() - old["columns"].keys():
            _, nullable, given = new["columns"][column]
            if not nullable and not given:
                found.append(f"{table}.{column}: is new, must be given, and has no default")
        found += [f"{table}: refuses more: {each}" for each in sorted(new["refusals"] - old["refusals"])]
    return found


def after(**changes: Any) -> Schema:
    """A table with a key and a note, changed."""
    return {"things": {"columns": {**COLUMNS, **changes}, "refusals": set()}}


COLUMNS = {"id": ("TEXT", False, False), "note": ("TEXT", True, False)}
BEFORE: Schema = {"things": {"columns": COLUMNS, "refusals": set()}}


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({}, "things: is gone"),
        ({"things": {"columns": {"id": COLUMNS["id"]}, "refusals": set()}}, "things.note: is gone"),
        (after(note=("BIGINT", True, False)), "things.note: was TEXT, is BIGINT"),
        (after(note=("TEXT", False, True)), "things.note: must not be empty any more"),
        (after(kind=("TEXT", False, False)), "things.kind: is new, must be given, and has no default"),
        (
            {"things": {"columns": COLUMNS, "refusals": {"unique ['note']"}}},
            "things: refuses more: unique ['note']",
        ),
    ],
)
def test_what_would_hurt_the_version_before_is_seen(now: Schema, told: str) -> None:
    assert taken(BEFORE, now) == [told]


def test_what_is_added_hurts_nobody() -> None:
    more = after(kind=("TEXT", False, True), hint=("TEXT", True, False))
    assert taken(BEFORE, {**more, "others": BEFORE["things"]}) == []


REVISIONS = [
    each.revision
    for each in reversed(list(ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).walk_revisions()))
]


def test_the_code_names_the_newest_migration() -> None:
    """The API is not ready on any other (`/readyz`)."""
    assert REVISIONS[-1] == SCHEMA


BEFORE_THE_FIRST_RELEASE = {"0002", "0013", "0014"}
"""They took something from the version before, which nobody ran. No other may; what has to go, goes in two
releases, the first of which stops using it."""


async def test_no_migration_takes_anything_from_the_version_before(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await create_database(postgres_url, "step_by_step")
    monkeypatch.setenv("DATABASE_URL", url)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    found: dict[str, list[str]] = {}
    before: Schema = {}
    try:
        for revision in REVISIONS:
            await _upgrade(revision)
            with engine.connect() as connection:
                after = schema(connection)
            found[revision] = taken(before, after)
            before = after
    finally:
        engine.dispose()
        await drop_database(postgres_url, "step_by_step")
    told = {revision: each for revision, each in found.items() if each}
    assert told.keys() == BEFORE_THE_FIRST_RELEASE, told
    assert before, "no table was seen"


async def _upgrade(revision: str) -> None:
    await asyncio.to_thread(command.upgrade, Config(ROOT / "alembic.ini"), revision)
