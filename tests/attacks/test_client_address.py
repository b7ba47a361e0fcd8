"""`X-Forwarded-For` is believed as far as trusted proxies wrote it; no text in it is a fault."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from api.client_address import UNKNOWN, ClientAddress, client_address, is_shared

PROXY = "10.0.0.7"
TRUSTED = ("10.0.0.0/8", "fd00::/8")


async def seen(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = TRUSTED) -> tuple[str, bool]:
    """The client's address and whether others may share it, as the application sees them."""
    found: list[tuple[str, bool]] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.append((client_address(scope), is_shared(scope)))

    headers = [(b"x-forwarded-for", text.encode("utf-8")) for text in forwarded]
    scope: dict[str, Any] = {
        "type": "http",
        "client": None if peer is None else (peer, 4711),
        "headers": headers,
    }
    guarded = ClientAddress(application, [ip_network(network) for network in trusted])
    await guarded(scope, None, None)  # type: ignore[arg-type]  # neither is used
    return found[0]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("2001:DB8::1", (), "2001:db8::1"),
        ("::ffff:203.0.113.9", (), "203.0.113.9"),
        (None, (), UNKNOWN),
        (None, ("203.0.113.9",), UNKNOWN),
        # who is no trusted proxy claims in vain
        ("203.0.113.9", ("1.1.1.1",), "203.0.113.9"),
        ("203.0.113.9", ("127.0.0.1",), "203.0.113.9"),
        ("203.0.113.9", ("10.0.0.7",), "203.0.113.9"),
        # through trusted proxies: the rightmost address that is none of them
        (PROXY, ("203.0.113.9",), "203.0.113.9"),
        (PROXY, ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),
        (PROXY, ("1.1.1.1", "203.0.113.9"), "203.0.113.9"),
        (PROXY, ("1.1.1.1, 203.0.113.9, 10.9.9.9",), "203.0.113.9"),
        (PROXY, ("10.9.9.9, 203.0.113.9",), "203.0.113.9"),
        ("::ffff:10.0.0.7", ("203.0.113.9",), "203.0.113.9"),
        ("fd00::7", ("2001:db8::9",), "2001:db8::9"),
        (PROXY, ("203.0.113.9:51234",), "203.0.113.9"),
        (PROXY, ("[2001:db8::9]:51234",), "2001:db8::9"),
        (PROXY, ("[2001:db8::9]",), "2001:db8::9"),
        (PROXY, ("::ffff:203.0.113.9",), "203.0.113.9"),
        # nothing but proxies: the one that is furthest away
        (PROXY, (), PROXY),
        (PROXY, ("10.1.1.1, 10.2.2.2",), "10.1.1.1"),
        # what cannot be read ends the walk at whoever handed it on
        *(
            (PROXY, (f"1.1.1.1, {text}",), PROXY)
            for text in ("unknown", "", "0x7f.1", "2130706433", "_hidden")
        ),
        *((PROXY, (text,), PROXY) for text in ("127.1", "010.1.1.1", "fe80::1%eth0", "203.0.113.9;", "'--")),
        (PROXY, ("unknown, 203.0.113.9",), "203.0.113.9"),
        # special addresses are nobody's proxies unless they are listed
        *(
            (PROXY, (f"1.1.1.1, {text}",), text)
            for text in (
                *("127.0.0.1", "169.254.169.254", "100.64.0.1", "192.0.2.1"),
                *("::1", "fc00::1", "fe80::1", "172.16.0.1"),
            )
        ),
        (PROXY, ("1.1.1.1, ::ffff:10.0.0.1",), "1.1.1.1"),  # a trusted one, wrapped
        (PROXY, (", ".join(["1.1.1.1"] * 1000),), "1.1.1.1"),
        (PROXY, (", ".join(["9.9.9.9"] + ["10.0.0.1"] * 1000),), "10.0.0.1"),
        (PROXY, ("1" * 100_000,), PROXY),
    ],
)
async def test_whose_request_it_is(peer: str | None, forwarded: tuple[str, ...], address: str) -> None:
    found, _ = await seen(peer, *forwarded)
    assert found == address


async def test_without_trusted_proxies_nobody_is_believed() -> None:
    for peer in (PROXY, "127.0.0.1", "203.0.113.9"):
        assert (await seen(peer, "1.1.1.1", trusted=()))[0] == peer


async def test_a_proxy_that_nobody_configured_is_told_of_once_and_its_clients_share_an_address() -> None:
    async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None: ...

    guarded = ClientAddress(nothing, ())
    scope = {"type": "http", "client": (PROXY, 1), "headers": [(b"x-forwarded-for", b"canary")]}
    with capture_logs() as logs:
        for _ in range(3):
            await guarded(scope, None, None)  # type: ignore[arg-type]  # neither is used
    assert [entry["event"] for entry in logs] == ["proxy.untrusted"]
    assert "canary" not in str(logs)
    assert await seen(PROXY, "1.1.1.1", trusted=()) == (PROXY, True)
    assert await seen(PROXY, "1.1.1.1") == ("1.1.1.1", False)
    assert await seen("203.0.113.9") == ("203.0.113.9", False)


@given(st.lists(st.text(max_size=60), max_size=5))
async def test_no_text_is_a_fault(texts: list[str]) -> None:
    address, _ = await seen(PROXY, *(text.encode("utf-8", "replace").decode() for text in texts))
    assert address
