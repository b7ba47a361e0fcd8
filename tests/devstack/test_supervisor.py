import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from devstack import programs
from devstack.programs import ROOT, StartFailed, rotate, run_once
from devstack.supervisor import Supervisor
from tests.devstack.toys import alive, python, sleeper, until
from tests.patience import PATIENCE


async def test_a_killed_program_runs_again_and_the_new_process_id_is_told(tmp_path: Path) -> None:
    told: list[dict[str, int]] = []
    supervisor = Supervisor(tmp_path / "logs", lambda: told.append(supervisor.pids))
    try:
        await supervisor.start(sleeper("toy", tmp_path / "toy"))
        first = supervisor.pids["toy"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: told[-1].get("toy") not in (None, first))
        await supervisor.wait_ready(within=PATIENCE)
        assert supervisor.pids["toy"] == int((tmp_path / "toy").read_text()) != first
        assert "killed by SIGKILL, starting again" in (tmp_path / "logs" / "toy.log").read_text()
    finally:
        await supervisor.stop()
    assert supervisor.pids == {}


async def test_how_a_program_ended_is_known_however_often_it_was_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    try:
        await supervisor.start(sleeper("toy", tmp_path / "toy"))
        first = supervisor.pids["toy"]
        gone = time.monotonic() + 0.2
        while time.monotonic() < gone:  # on purpose without a pause in which its end would be noticed
            supervisor["toy"].kill()
        await until(lambda: supervisor.pids.get("toy") not in (None, first))
        assert "toy: killed by SIGKILL, starting again" in (tmp_path / "logs" / "toy.log").read_text()
    finally:
        await supervisor.stop()


async def test_a_program_that_keeps_dying_is_backed_off(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    starts = tmp_path / "starts"
    code = f"import time; print('x', file=open({str(starts)!r}, 'a'), flush=True); time.sleep(0.1)"
    try:
        await supervisor.start(python("toy", code))
        await until(lambda: supervisor["toy"].restarts >= 2)
        before, began = supervisor["toy"].restarts, time.monotonic()
        await until(lambda: supervisor["toy"].restarts >= before + 2)
        assert time.monotonic() - began > 0.5
    finally:
        await supervisor.stop()


async def test_another_program_takes_the_place_of_one_that_runs(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    try:
        await supervisor.start(sleeper("toy", tmp_path / "one"))
        first = supervisor.pids["toy"]
        await supervisor["toy"].exchange(sleeper("toy", tmp_path / "other"), within=PATIENCE)
        assert supervisor.pids["toy"] == int((tmp_path / "other").read_text()) != first

        broken = python("toy", "raise SystemExit('no such thing')", ready_file=tmp_path / "never")
        with pytest.raises(StartFailed, match="toy keeps ending"):
            await supervisor["toy"].exchange(broken, within=PATIENCE)
    finally:
        await supervisor.stop()


async def test_a_program_that_ends_at_once_fails_the_start_and_shows_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    program = python("toy", "raise SystemExit('no such thing')", ready_file=tmp_path / "never")
    with pytest.raises(StartFailed, match=r"toy ended \(exit code 1\)\n.*toy\.log:\n.*no such thing"):
        await supervisor.start(program)
    await supervisor.stop()
    assert supervisor.pids == {}


async def test_a_program_that_never_gets_ready_fails_the_start(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    program = python("toy", "import time; time.sleep(60)", ready_file=tmp_path / "never")
    with pytest.raises(StartFailed, match="toy was not ready"):
        await supervisor.start(program, within=0.3)
    pid = supervisor.pids["toy"]
    await supervisor.stop()
    assert not alive(pid)


async def test_everything_is_stopped_in_reverse_order(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    ends = tmp_path / "ends"
    for name in ("one", "two", "three"):
        at_end = f"print({name!r}, file=open({str(ends)!r}, 'a'), flush=True); sys.exit(0)"
        await supervisor.start(sleeper(name, tmp_path / name, at_end))
    pids = supervisor.pids.values()
    await supervisor.stop()
    assert ends.read_text().split() == ["three", "two", "one"]
    assert not any(alive(pid) for pid in pids)


async def test_a_program_that_will_not_end_is_killed_with_its_own_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = f"""
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(child)!r}, "w").write(str(started.pid))
open({str(tmp_path / "ready")!r}, "w").write(str(os.getpid()))
time.sleep(60)
"""
    supervisor = Supervisor(tmp_path / "logs")
    await supervisor.start(python("stubborn", code, stop_within=0.2, ready_file=tmp_path / "ready"))
    await supervisor.stop()
    await until(lambda: not alive(int(child.read_text())))


async def test_a_program_can_be_kept_down_for_a_while(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    try:
        await supervisor.start(sleeper("toy", tmp_path / "toy"))
        first = supervisor.pids["toy"]
        async with supervisor.down("toy"):
            await until(lambda: not alive(first))
            assert "toy" not in supervisor.pids
        assert supervisor.pids["toy"] != first
    finally:
        await supervisor.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a program whose parent was killed")
async def test_no_program_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio
from pathlib import Path
from devstack.supervisor import Supervisor
from tests.devstack.toys import sleeper
async def main():
    tmp = Path({str(tmp_path)!r})
    supervisor = Supervisor(tmp / "logs")
    await supervisor.start(sleeper("toy", tmp / "toy"))
    print("up", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=ROOT, stdout=PIPE)
    assert supervisor.stdout
    assert await supervisor.stdout.readline() == b"up\n"
    toy = int((tmp_path / "toy").read_text())
    assert alive(toy)
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not alive(toy))


async def test_programs_see_nothing_of_the_users_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "a real one")
    printed = await run_once(python("toy", "import os; print(sorted(os.environ))"), tmp_path / "toy.log")
    assert b"PATH" in printed
    assert b"STRIPE" not in printed


def test_a_log_that_grew_large_starts_over_and_keeps_one_older_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "LOG_LIMIT", 10)
    log = tmp_path / "toy.log"
    with log.open("ab") as writer:
        writer.write(b"more than ten bytes\n")
        writer.flush()
        rotate(log)
        writer.write(b"short\n")
    assert log.read_bytes() == b"short\n"
    assert (tmp_path / "toy.log.1").read_bytes() == b"more than ten bytes\n"
