"""One request to a simulated gateway, from the first byte to the last, with whatever fault befalls it.

    log - key wrong? - refused at the door? - nothing taken yet? - [idempotency [effect]] - answer lost?

What a gateway speaks is its own; the order of these steps is the same everywhere.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from sandbox.connection import hang, reset
from sandbox.faults import Fault
from sandbox.vocabulary import CustomerOutcome, DisputeOutcome, FaultKind, Operation
from sandbox.webhooks import Signer
from sandbox.world import ShuttingDown, World

_MAX_BODY: Final = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What goes over the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The gateway will not do it: no effect. `kept` says whether an idempotency layer stores the answer."""

    def __init__(self, answer: Answer, *, kept: bool = False) -> None:
        super().__init__(answer.body.decode("utf-8", "replace"))
        self.answer = answer
        self.kept = kept


@dataclass
class Call:
    """A request as a gateway's endpoints see it."""

    method: str
    path: str
    """Relative to the gateway's base URL."""
    parts: Mapping[str, str]
    """The named parts of the path."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    operation: Operation
    account: str = ""
    reference: str | None = None
    fault: Fault | None = None

    @property
    def idempotency_key(self) -> str | None:
        return self.headers.get("idempotency-key")

    def suffers(self, fault: FaultKind) -> bool:
        return self.fault is not None and self.fault.fault is fault


@dataclass(frozen=True)
class Endpoint:
    method: str
    pattern: re.Pattern[str]
    operation: Operation
    handle: Callable[[Call], Answer]
    """Runs inside a transaction. Raises Refusal where nothing shall happen."""


def endpoint(method: str, path: str, operation: Operation, handle: Callable[[Call], Answer]) -> Endpoint:
    """`path` names its parts in braces: `/v1/refunds/{id}`."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Endpoint(method, re.compile(pattern), operation, handle)


Keep = Callable[[Answer], None]
Perform = Callable[[Keep], Awaitable[Answer]]


def forget(answer: Answer) -> None:
    """Keeps nothing: for requests that no idempotency layer remembers."""


class Simulator(ABC):
    """One simulated gateway."""

    name: str
    base_path: str
    """What a client's base URL ends in, behind host and port."""
    endpoints: Sequence[Endpoint]

    @property
    @abstractmethod
    def signer(self) -> Signer: ...

    @abstractmethod
    def account_of(self, call: Call) -> str | None:
        """Whose key this is; None: nobody's."""

    @abstractmethod
    def reference_of(self, call: Call) -> str | None:
        """The reference that the request is about, if it can be told. Never raises."""

    @abstractmethod
    def unauthorized(self, call: Call) -> Answer: ...

    @abstractmethod
    def rate_limited(self, call: Call) -> Answer: ...

    @abstractmethod
    def server_error(self, call: Call) -> Answer: ...

    @abstractmethod
    def not_found(self, call: Call) -> Answer:
        """The answer to this look-up as if the gateway had never heard of it."""

    @abstractmethod
    def no_such_path(self, call: Call) -> Answer: ...

    async def guarded(self, call: Call, perform: Perform) -> Answer:  # noqa: ARG002 - for idempotency layers
        """Perform, or answer instead. `perform` calls its argument in the transaction of the effect."""
        return await perform(forget)

    @abstractmethod
    def settle(self, payment_id: str, outcome: CustomerOutcome) -> str | None:
        """The customer acts. Returns the payment's state afterwards, None where nothing has that id.

        Raises NothingToSettle where no customer is being waited for.
        """

    def dispute(self, payment_id: str, reason: str, outcome: DisputeOutcome) -> dict[str, Any] | None:  # noqa: ARG002
        """The customer disputes a payment, or the bank decides. Tells how it stands; None where nothing here
        has that id. Raises NothingToSettle where no money was taken."""
        return None

    @abstractmethod
    def on_timer(self, action: str, subject: str) -> None: ...


class NothingToSettle(Exception):
    """The payment waits for no customer."""


class Exchange:
    """The ASGI application of one gateway."""

    def __init__(self, simulator: Simulator, world: World) -> None:
        self._simulator = simulator
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway, world = self._simulator, self._world
        if world.listeners.refused(gateway.name):  # only through the control port: the other one is closed
            await reset(scope, receive)
            return
        body = b""
        try:
            async for chunk in Request(scope, receive).stream():
                body += chunk
                if len(body) > _MAX_BODY:
                    await _respond(send, Answer(413, b"{}"))
                    return
        except ClientDisconnect:
            return
        call, found = self._call(scope, body)
        call.reference = gateway.reference_of(call)
        account = gateway.account_of(call)
        call.account = account or ""
        if call.operation is Operation.CHARGE:
            world.faults.mark(call.reference, body)
        call.fault = world.faults.take(gateway.name, call.operation, call.reference)
        world.requests.append(
            gateway=gateway.name,
            account=account,
            operation=call.operation,
            reference=call.reference,
            idempotency_key=call.idempotency_key,
            body=body,
            fault=None if call.fault is None else call.fault.fault,
            method=call.method,
            path=call.path,
        )
        try:
            await self._answer(call, found, scope, receive, send)
        except ShuttingDown:
            await reset(scope, receive)

    def _call(self, scope: Scope, body: bytes) -> tuple[Call, Endpoint | None]:
        path = scope["path"].removeprefix(self._simulator.base_path)
        method = scope["method"]
        found, parts = None, {}
        for candidate in self._simulator.endpoints:
            match = candidate.pattern.fullmatch(path)
            if match is not None and candidate.method == method:
                found, parts = candidate, match.groupdict()
                break
        call = Call(
            method=method,
            path=path,
            parts=parts,
            query=scope["query_string"].decode("latin-1"),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=body,
            operation=Operation.OTHER if found is None else found.operation,
        )
        return call, found

    async def _answer(
        self, call: Call, found: Endpoint | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        gateway, fault = self._simulator, call.fault
        kind = None if fault is None else fault.fault
        if not call.account or kind is FaultKind.UNAUTHORIZED:
            await _respond(send, gateway.unauthorized(call))
        elif kind is FaultKind.RATE_LIMIT:
            await _respond(send, gateway.rate_limited(call))
        elif kind is FaultKind.RESET_BEFORE:
            await reset(scope, receive)
        elif kind is FaultKind.TIMEOUT_BEFORE and fault is not None:
            await hang(scope, receive, fault.seconds, self._world.closing)
        elif found is None:
            await _respond(send, gateway.no_such_path(call))
        elif kind is FaultKind.NOT_FOUND_ONCE:
            await _respond(send, gateway.not_found(call))
        else:
            answer = await gateway.guarded(call, lambda keep: self._perform(call, found, keep))
            if kind is FaultKind.RESET_AFTER:
                await reset(scope, receive)
            elif kind is FaultKind.TIMEOUT_AFTER and fault is not None:
                await hang(scope, receive, fault.seconds, self._world.closing)
            elif kind is FaultKind.MALFORMED:
                await _respond(send, Answer(200, answer.body[: len(answer.body) // 2], answer.headers))
            else:
                await _respond(send, answer)

    async def _perform(self, call: Call, found: Endpoint, keep: Keep) -> Answer:
        gateway, database = self._simulator, self._world.database
        if call.suffers(FaultKind.SLOW) and call.fault is not None:
            await self._world.pause(call.fault.seconds)
        if call.suffers(FaultKind.ERROR_BEFORE):
            answer = gateway.server_error(call)
            keep(answer)
            return answer
        try:
            with database.transaction():
                answer = found.handle(call)
                if call.suffers(FaultKind.ERROR_AFTER):
                    answer = gateway.server_error(call)
                keep(answer)
        except Refusal as refusal:
            answer, kept = refusal.answer, refusal.kept
            if call.suffers(FaultKind.ERROR_AFTER):
                answer, kept = gateway.server_error(call), True
            if kept:
                keep(answer)
        return answer


async def _respond(send: Send, answer: Answer) -> None:
    headers = {
        "content-type": "application/json",
        "content-length": str(len(answer.body)),
        **{name.lower(): value for name, value in answer.headers.items()},
    }
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
