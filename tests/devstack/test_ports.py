import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.claim import AlreadyRunning, claim
from devstack.ports import HOST, BadPort, Ports
from devstack.stack import Stack


def test_a_taken_port_is_named_with_its_variable_and_a_way_out() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadPort, match=rf"port {port} \(TEMPORAL_UI_PORT\) is taken .* TEMPORAL_UI_PORT="):
            replace(Ports.free(), temporal_ui=port).check()


def test_ports_come_from_the_environment() -> None:
    ports = Ports.from_environment({"API_PORT": "8123", "SANDBOX_STRIPE_PORT": "9000", "POSTGRES_PORT": ""})
    assert ports == Ports(api=8123, gateways={**Ports().gateways, "stripe": 9000})


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "8000.0", "٨٠٠٠"])
def test_what_is_no_port_is_refused_by_its_variable(text: str) -> None:
    with pytest.raises(BadPort, match="POSTGRES_PORT"):
        Ports.from_environment({"POSTGRES_PORT": text})


def test_two_programs_cannot_share_a_port() -> None:
    ports = Ports.free()
    with pytest.raises(BadPort, match="API_PORT and SANDBOX_PORT are both"):
        replace(ports, sandbox=ports.api).check()


def test_free_ports_are_free_and_handed_out_once() -> None:
    first, second = Ports.free(), Ports.free()
    first.check()
    second.check()
    handed_out = [*first.by_name.values(), *second.by_name.values()]
    assert len(set(handed_out)) == len(handed_out)


async def test_a_stack_checks_its_ports_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        ports = replace(Ports.free(), api=taken.getsockname()[1])
        with pytest.raises(BadPort, match="API_PORT"):
            await Stack(tmp_path, ports=ports).__aenter__()
    assert not (tmp_path / "postgres").exists()


async def test_a_data_directory_serves_one_stack_at_a_time(tmp_path: Path) -> None:
    with claim(tmp_path), pytest.raises(AlreadyRunning, match=f"{tmp_path} .process {os.getpid()}"):
        await Stack(tmp_path, ports=Ports.free()).__aenter__()
    with claim(tmp_path):
        pass
