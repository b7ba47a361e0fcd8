"""An OpenTelemetry receiver: what arrives is kept, and written to a file."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.notifications.receiver import Receiver, receiving, status
from tests.patience import PATIENCE


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]
    events: list[dict[str, str]] = field(default_factory=list)


class Collector:
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.endpoint = receiver.url.removesuffix("/hooks")

    @property
    def spans(self) -> list[Span]:
        found = []
        for each in self._receiver.received:
            assert each.path == "/v1/traces"
            request = ExportTraceServiceRequest.FromString(each.body)
            for of_resource in request.resource_spans:
                service = _texts(of_resource.resource.attributes)["service.name"]
                for of_scope in of_resource.scope_spans:
                    found += [
                        Span(
                            service=service,
                            name=span.name,
                            trace=span.trace_id.hex(),
                            id=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            attributes=_texts(span.attributes),
                            events=[_texts(event.attributes) for event in span.events],
                        )
                        for span in of_scope.spans
                    ]
        return found

    async def until(self, enough: Callable[[list[Span]], bool], *, within: float = PATIENCE) -> list[Span]:
        """The spans, once they are enough. Otherwise fails, naming those that came."""
        try:
            async with asyncio.timeout(within):
                while not enough(spans := self.spans):  # noqa: ASYNC110 - another process sends them
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(sorted({span.name for span in self.spans})) from None
        return spans

    def write(self, file: Path, trace: str) -> list[Span]:
        """One trace as JSON lines; its spans as the file has them."""
        chosen = [vars(span) for span in self.spans if span.trace == trace]
        file.write_text("".join(f"{json.dumps(each)}\n" for each in chosen))
        return [Span(**json.loads(line)) for line in file.read_text().splitlines()]


def _texts(attributes: object) -> dict[str, str]:
    return {
        each.key: each.value.string_value or str(each.value.int_value)
        for each in attributes  # type: ignore[attr-defined]  # protobuf's repeated field
    }


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    async with receiving() as receiver:
        receiver.answers = [status(200, "Content-Type: application/x-protobuf") for _ in range(100_000)]
        yield Collector(receiver)
