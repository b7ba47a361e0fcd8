"""Where a trace is carried on: from a request over workflows and activities to the calls of gateways.

Off unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set: then each of these is one comparison, and OpenTelemetry's
SDK is not even loaded. What a span may hold is decided in one place, `config/telemetry.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx
    from temporalio.client import Interceptor

    from config.settings import Settings
    from config.telemetry import Telemetry

_telemetry: Telemetry | None = None


def start(settings: Settings, service: str) -> None:
    """Call once, before the first connection to Temporal. `service`: what spans of this process are under."""
    global _telemetry
    if settings.otel_exporter_otlp_endpoint is None:
        return
    from config.telemetry import Telemetry

    _telemetry = Telemetry(settings.otel_exporter_otlp_endpoint, service)


def stop() -> None:
    """Send what is still here."""
    global _telemetry
    if _telemetry is not None:
        _telemetry.stop()
        _telemetry = None


def on() -> bool:
    return _telemetry is not None


def interceptors() -> list[Interceptor]:
    """For the Temporal client, and by it for its workers."""
    return [] if _telemetry is None else _telemetry.interceptors()


def traceparent() -> str | None:
    """The current span as W3C Trace Context writes it (w3.org/TR/trace-context), to be carried on."""
    return None if _telemetry is None else _telemetry.traceparent()


def note(**ids: str) -> None:
    """Ids (`checkout_id=`, `attempt_id=`, `account=`, ...) on the current span."""
    if _telemetry is not None:
        _telemetry.note(ids)


def joined(carried: str | None, name: str, **ids: str) -> AbstractContextManager[None]:
    """Inside, everything is part of the trace that `carried` names, below a span of this name."""
    if _telemetry is None:
        return nullcontext()
    return _telemetry.joined(carried, name, ids)


@contextmanager
def served(method: str, headers: Mapping[str, str]) -> Iterator[Answered | None]:
    """A request that has come in. None where nothing is traced."""
    if _telemetry is None:
        yield None
        return
    with _telemetry.served(method, headers) as answered:
        yield answered


def outgoing(request: httpx.Request) -> AbstractContextManager[Answered | None]:
    """A request that goes out, with `traceparent` in its headers."""
    return nullcontext() if _telemetry is None else _telemetry.outgoing(request)


class Answered:
    """What is told of a request's answer."""

    def __call__(self, status: int, route: str | None = None) -> None:
        raise NotImplementedError
