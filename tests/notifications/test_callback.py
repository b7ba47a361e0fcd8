"""What a merchant's address can make us do: send one request to a public server, and nothing else."""

import asyncio
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from activities.callback import MAX_RESPONSE_BYTES, Answer, Callbacks, Fault
from tests.notifications.receiver import Receiver, receiving, status
from tests.patience import PATIENCE


def resolving(*addresses: str) -> "Resolver":
    return Resolver([list(addresses)])


class Resolver:
    """Answers in turn; the last one repeats."""

    def __init__(self, answers: list[list[str]]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def callbacks(*addresses: str, allow_loopback: bool = False) -> Callbacks:
    resolver = resolving(*addresses)
    return Callbacks(timeout=PATIENCE, allow_loopback=allow_loopback, resolve=resolver)


LOCAL = Callbacks(timeout=PATIENCE, allow_loopback=True)
"""As in development."""


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104  # where Linux connects to itself
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
async def test_no_address_of_ours_is_reached(address: str) -> None:
    for resolved in ((address,), ("93.184.215.14", address), (address, "93.184.215.14")):
        answer = await callbacks(*resolved).post("https://shop.example/hooks", {}, b"{}")
        assert answer == Answer(fault=Fault.ADDRESS_REFUSED)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fd00::1"]
)
async def test_allowing_loopback_allows_nothing_else(address: str) -> None:
    for resolved in ((address,), ("127.0.0.1", address)):
        answer = await callbacks(*resolved, allow_loopback=True).post("https://shop.example/", {}, b"{}")
        assert answer == Answer(fault=Fault.ADDRESS_REFUSED)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "https://127.0.0.1:{port}/",
    ],
)
async def test_in_production_no_spelling_of_loopback_is_reached(url: str, receiver: Receiver) -> None:
    sender = Callbacks(timeout=PATIENCE, allow_loopback=False)
    answer = await sender.post(url.format(port=receiver.port), {}, b"{}")
    assert answer.fault in (Fault.ADDRESS_REFUSED, Fault.UNRESOLVED)
    assert receiver.received == []


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/", "https://shop.example:6379/", "https://shop.example:22/", "ftp://x.example/"],
)
async def test_only_https_on_ports_of_web_servers(url: str) -> None:
    assert (await callbacks("93.184.215.14").post(url, {}, b"")).fault is Fault.ADDRESS_REFUSED


async def test_a_name_is_judged_again_at_every_send_and_resolved_once_for_each(receiver: Receiver) -> None:
    """DNS rebinding: harmless when it was given, or at the last send; elsewhere now."""
    resolver = Resolver([["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]])
    sender = Callbacks(timeout=PATIENCE, allow_loopback=True, resolve=resolver)
    url = f"http://shop.example:{receiver.port}/hooks"
    assert (await sender.post(url, {}, b"{}")).status == 204
    assert resolver.asked == [("shop.example", receiver.port)]
    assert (await sender.post(url, {}, b"{}")).fault is Fault.ADDRESS_REFUSED
    assert (await sender.post(url, {}, b"{}")).status == 204
    assert len(resolver.asked) == 3
    assert [each.headers["host"] for each in receiver.received] == [f"shop.example:{receiver.port}"] * 2


async def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        receiver.answers = [
            status(307, "Location: http://169.254.169.254/latest/meta-data/"),
            status(302, f"Location: {elsewhere.url}"),
        ]
        for code in (307, 302):
            answer = await LOCAL.post(receiver.url, {}, b"{}")
            assert answer == Answer(status=code)
            assert not answer.acknowledged
        assert elsewhere.received == []


@pytest.mark.parametrize(("code", "taken"), [(200, True), (202, True), (304, False), (500, False)])
async def test_only_2xx_acknowledges(code: int, taken: bool, receiver: Receiver) -> None:
    receiver.answers = [status(code)]
    assert (await LOCAL.post(receiver.url, {}, b"{}")).acknowledged is taken


async def test_a_silent_server_costs_the_timeout_and_no_more(receiver: Receiver) -> None:
    receiver.answers = [None]
    hasty = Callbacks(timeout=1, allow_loopback=True)
    async with asyncio.timeout(PATIENCE):
        assert (await hasty.post(receiver.url, {}, b"{}")).fault is Fault.TIMEOUT


async def test_a_slow_name_server_counts_as_well() -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    sender = Callbacks(timeout=0.2, allow_loopback=True, resolve=never)
    assert (await sender.post("https://shop.example/", {}, b"")).fault is Fault.TIMEOUT


async def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    """Kept open with more than the bound: reading on would run into the time-out."""
    body = b"x" * (MAX_RESPONSE_BYTES + 1)
    receiver.answers = [b"HTTP/1.1 200 X\r\nContent-Length: 100000000\r\n\r\n" + body]
    assert await LOCAL.post(receiver.url, {}, b"{}") == Answer(status=200)


async def test_what_speaks_no_http_is_broken(receiver: Receiver) -> None:
    receiver.answers = [b"-ERR unknown command\r\n"]
    assert (await LOCAL.post(receiver.url, {}, b"{}")).fault is Fault.BROKEN


async def test_nobody_there() -> None:
    async with receiving() as gone:
        url = gone.url
    assert (await LOCAL.post(url, {}, b"{}")).fault is Fault.UNREACHABLE


async def test_the_next_address_is_tried_where_one_does_not_connect(receiver: Receiver) -> None:
    sender = callbacks("127.0.0.2", "127.0.0.1", allow_loopback=True)
    assert (await sender.post(f"http://shop.example:{receiver.port}/", {}, b"{}")).status == 204


async def test_the_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would resolve the name itself."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert (await LOCAL.post(receiver.url, {}, b"{}")).status == 204


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of shop.example."""
    file = tmp_path_factory.mktemp("tls") / "shop.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=shop.example -addext subjectAltName=DNS:shop.example -addext basicConstraints=CA:TRUE "
        f"-keyout {file} -out {file}.crt"
    )
    try:
        subprocess.run(command.split(), check=True, capture_output=True, timeout=30)  # noqa: S603
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


async def test_the_certificate_is_the_names_though_an_address_is_connected_to(
    certificate: Path,
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trusted = ssl.create_default_context(cafile=str(certificate))
    async with receiving(server) as receiver:
        sender = Callbacks(
            timeout=PATIENCE, allow_loopback=True, resolve=resolving("127.0.0.1"), trusted=trusted
        )
        assert (await sender.post(f"https://shop.example:{receiver.port}/", {}, b"{}")).status == 204
        other = await sender.post(f"https://other.example:{receiver.port}/", {}, b"{}")
        assert other.fault is Fault.UNREACHABLE
        stranger = Callbacks(timeout=PATIENCE, allow_loopback=True, resolve=resolving("127.0.0.1"))
        untrusted = await stranger.post(f"https://shop.example:{receiver.port}/", {}, b"{}")
        assert untrusted.fault is Fault.UNREACHABLE
        assert len(receiver.received) == 1
