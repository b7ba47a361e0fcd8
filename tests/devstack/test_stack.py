"""A whole product under its supervisor, beside another one."""

import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from devstack.ports import Ports
from devstack.stack import Stack
from tests.devstack.toys import alive, until
from tests.e2e.requests import card
from tests.live import Shop, open_shop

pytestmark = pytest.mark.long


async def test_a_second_stack_runs_beside_the_first_survives_a_kill_and_leaves_nothing_behind(
    tmp_path: Path, stack: Stack, shop: Shop
) -> None:
    """The first one is the stack that all tests share."""
    async with Stack(tmp_path, ports=Ports.free(), workers=2) as second:
        second.publish()
        described = json.loads((tmp_path / "demo.json").read_text())
        assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600
        assert set(described["pids"]) == {"api", "worker", "temporal", "sandbox", "postgres"}
        assert len(described["pids"]["worker"]) == 2

        headers = {"Authorization": f"Bearer {described['api_key']}"}
        async with httpx.AsyncClient(base_url=described["api"], headers=headers, trust_env=False) as api:
            assert (await api.get("/v1/checkouts")).status_code == 200

        async with open_shop(second) as other_shop:
            mine, theirs = await shop.check_out(card()), await other_shop.check_out(card())
            assert (mine["status"], theirs["status"]) == ("succeeded", "succeeded")
            assert (await shop.http.get(f"/v1/checkouts/{theirs['id']}")).status_code == 404
            assert (await other_shop.http.get(f"/v1/checkouts/{mine['id']}")).status_code == 404

        os.kill(described["pids"]["api"], signal.SIGKILL)
        await until(lambda: api_pid(tmp_path) != described["pids"]["api"])
        await second.wait_ready()
        pids = all_of(second)
        assert api_pid(tmp_path) in pids
    assert not any(alive(pid) for pid in pids)
    assert not (tmp_path / "demo.json").exists()
    assert all(alive(pid) for pid in all_of(stack))


def api_pid(data_dir: Path) -> int:
    return int(json.loads((data_dir / "demo.json").read_text())["pids"]["api"])


def all_of(stack: Stack) -> set[int]:
    return {pid for pids in stack.pids.values() for pid in (pids if isinstance(pids, list) else [pids])}
