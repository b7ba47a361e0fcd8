import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from devstack.ports import Ports
from devstack.postgres import Postgres, create_database, drop_database, running_postgres
from devstack.programs import ROOT
from devstack.supervisor import Supervisor
from tests.patience import PATIENCE

NOBODY = 65534


def _as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _others_may_run_python() -> bool:
    try:
        return os.geteuid() == 0 and _as_nobody("-c", "import devstack.postgres").returncode == 0
    except PermissionError:
        return False


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with running_postgres(tmp_path_factory.mktemp("pg") / "postgres", Ports.free().postgres) as url:
        yield url


async def test_it_is_the_version_and_encoding_we_promise(url: str) -> None:
    assert str(await ask(url, "show server_version")).startswith("18.")
    assert await ask(url, "show server_encoding") == "UTF8"
    assert await ask(url, "show data_checksums") == "on"


async def test_it_takes_nobody_without_the_password(url: str) -> None:
    guess = url.replace(url.split(":")[2].split("@")[0], "guess")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(guess, "select 1")


async def test_a_database_is_copied_from_a_template_and_dropped_while_in_use(url: str) -> None:
    template = await create_database(url, "template_of_test")
    await ask(template, "create table t as select 7 as n")
    copy = await create_database(url, "copy_of_test", template="template_of_test")
    assert await ask(copy, "select n from t") == 7
    user = await asyncpg.connect(copy)
    await drop_database(url, "copy_of_test")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await ask(copy, "select 1")
    await user.close()


async def test_a_name_with_quotes_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="plain"):
        await create_database(url, 'x"; drop database postgres; --')


async def test_a_committed_row_survives_kill_nine_and_a_second_start(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", Ports.free().postgres)
    for expected in (1, 2):
        supervisor = Supervisor(tmp_path / "logs")
        await server.prepare(tmp_path / "logs" / "initdb.log")
        try:
            await supervisor.start(server.program())
            url = server.url("postgres")
            await ask(url, "create table if not exists t (n serial)")
            await ask(url, "insert into t default values")
            supervisor["postgres"].kill()
            await supervisor.wait_ready(within=PATIENCE)
            assert await ask(url, "select count(*) from t") == expected
        finally:
            await supervisor.stop()


async def test_it_leaves_no_process_behind(tmp_path: Path) -> None:
    async with running_postgres(tmp_path / "postgres", Ports.free().postgres):
        mine = _servers(tmp_path)
        assert mine
    assert not _servers(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
async def test_started_by_root_it_runs_as_somebody_else_even_in_a_private_directory(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    async with running_postgres(private / "postgres", Ports.free().postgres):
        assert {process.uids().effective for process in _servers(private)} != {0}
        assert private.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(
    not _others_may_run_python(), reason="needs root, and a Python and a checkout that other users may enter"
)
async def test_an_ordinary_user_starts_it_too() -> None:
    home = Path("/tmp") / f"smartpay-ordinary-{os.getpid()}"  # noqa: S108 - a user must reach it
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    script = f"""
import asyncio, os
from pathlib import Path
from devstack.ports import Ports
from devstack.postgres import running_postgres
async def main():
    async with running_postgres(Path({str(home)!r}) / "postgres", Ports.free().postgres) as url:
        print(os.getuid(), url.startswith("postgresql://"))
asyncio.run(main())
"""
    try:
        done = await asyncio.to_thread(_as_nobody, "-c", script)
        assert done.stdout == f"{NOBODY} True\n", done.stderr
    finally:
        await asyncio.to_thread(subprocess.run, ["rm", "-rf", str(home)], check=True)


def _servers(directory: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in part for part in process.info["cmdline"] or ())
    ]
