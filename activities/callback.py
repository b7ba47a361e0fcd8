"""One HTTP request to an address that a merchant chose, so that it reaches nothing of ours.

The name is resolved at every send. Every address that it has must be public, and the connection goes to the
very address that was judged (a second look-up could answer otherwise: DNS rebinding); `Host`, SNI and
certificate are still those of the name. No redirect is followed, no proxy used, and the answer is its status:
the body is read up to a bound, for the peace of the server at the other end, and dropped.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

import httpx

from config import tracing
from domain.addresses import NOTIFICATION_PORTS, is_loopback_address, is_public_address

MAX_RESPONSE_BYTES: Final = 64 * 1024

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> its addresses. Raises OSError."""


class Fault(StrEnum):
    """Why there is no answer."""

    ADDRESS_REFUSED = "address_refused"
    """Not an address to send to: no https, a port that is no web server's, or no public address behind it."""
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    """No connection: refused, no route, or a certificate that is not that name's."""
    TIMEOUT = "timeout"
    BROKEN = "broken"
    """The connection ended, or carried no HTTP."""


@dataclass(frozen=True)
class Answer:
    """An HTTP status, or the fault that there is instead."""

    status: int | None = None
    fault: Fault | None = None

    @property
    def acknowledged(self) -> bool:
        """Only a 2xx is: a redirect or an error page is no receipt."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == httpx.codes.GONE


class _Refused(Exception):
    pass


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class Callbacks:
    def __init__(
        self,
        *,
        timeout: float,
        allow_loopback: bool,
        resolve: Resolve = _system_resolve,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout`: seconds that a post may take altogether. `allow_loopback`: this machine may be meant,
        too, on any port and by plain http. `trusted`: other roots than the usual ones."""
        self._timeout = timeout
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._trusted = trusted

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send it once. No fault of the wire is raised."""
        try:
            async with asyncio.timeout(self._timeout):
                target = httpx.URL(url)
                try:
                    addresses = await self._addresses(target)
                except OSError:
                    return Answer(fault=Fault.UNRESOLVED)
                return await self._exchange(target, addresses, headers, body)
        except (_Refused, httpx.InvalidURL, UnicodeError):
            return Answer(fault=Fault.ADDRESS_REFUSED)
        except TimeoutError:
            return Answer(fault=Fault.TIMEOUT)
        except httpx.ConnectError:
            return Answer(fault=Fault.UNREACHABLE)
        except (httpx.HTTPError, OSError):
            return Answer(fault=Fault.BROKEN)

    async def _addresses(self, target: httpx.URL) -> Sequence[str]:
        """Where to connect. Raises _Refused where any address of the name is not to be reached: a name with a
        private address among public ones is an attempt, not an accident."""
        port = target.port or (443 if target.scheme == "https" else 80)
        addresses = await self._resolve(target.host, port)
        loopback = self._allow_loopback and all(is_loopback_address(each) for each in addresses)
        if not addresses or not (loopback or all(is_public_address(each) for each in addresses)):
            raise _Refused
        if not loopback and (target.scheme != "https" or port not in NOTIFICATION_PORTS):
            raise _Refused
        return addresses

    async def _exchange(
        self, target: httpx.URL, addresses: Sequence[str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        # A client for one request: a pool would lend one name's connection to another name at the same
        # address, past the check of the certificate.
        async with httpx.AsyncClient(
            verify=self._trusted or _trusted(),
            timeout=self._timeout,
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        ) as client:
            for number, address in enumerate(addresses, 1):
                request = client.build_request(
                    "POST",
                    target.copy_with(host=address, username=None, password=None),
                    headers={**headers, "Host": target.netloc.decode("ascii"), "Connection": "close"},
                    content=body,
                    extensions={"sni_hostname": target.host},
                )
                try:
                    response = await self._sent(client, request)
                except httpx.ConnectError:
                    if number == len(addresses):
                        raise
                    continue
                try:
                    await _drain(response)
                finally:
                    await response.aclose()
                return Answer(status=response.status_code)
        raise _Refused  # not reached: there is an address

    @staticmethod
    async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        with tracing.outgoing(request) as answered:
            response = await client.send(request, stream=True)
            if answered is not None:
                answered(response.status_code)
            return response


async def _drain(response: httpx.Response) -> None:
    """Read the answer's body so far as is decent. Whatever is wrong with it, the status has been given."""
    read = 0
    try:
        async for chunk in response.aiter_raw():
            read += len(chunk)
            if read > MAX_RESPONSE_BYTES:
                return
    except httpx.HTTPError:
        return
