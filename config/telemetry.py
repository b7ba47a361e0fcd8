"""OpenTelemetry, loaded only where traces are on.

A span holds ids, names, times and statuses. That is kept at the one way out: attributes that are not listed
in `ALLOWED` are dropped, of exceptions only the type leaves, and names are those of our code and of routes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpx
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from config.tracing import Answered

_OURS: Final = "smartpay."
IDS: Final = ("checkout_id", "attempt_id", "refund_id", "notification_id", "account")
"""Fields of an activity's task that its span shows."""
ALLOWED: Final = frozenset(
    {
        *(f"{_OURS}{name}" for name in IDS),
        "error.type",
        "exception.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "server.address",
        "temporalActivityID",
        "temporalRunID",
        "temporalWorkflowID",
    }
)
_PARENT: Final = TraceContextTextMapPropagator()
_about: ContextVar[Mapping[str, str] | None] = ContextVar("about", default=None)
"""What the activity that runs is about: the calls that it makes are about the same."""


class IdsOnly(SpanExporter):
    """Lets nothing out but what is allowed."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([_bare(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def _bare(span: ReadableSpan) -> ReadableSpan:
    attributes = _allowed(span.attributes)
    attributes = {**_ids_of_run(str(attributes.get("temporalWorkflowID", ""))), **attributes}
    events = [Event(each.name, _allowed(each.attributes), each.timestamp) for each in span.events]
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=events,
        links=span.links,
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _allowed(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in ALLOWED}


def _ids_of_run(workflow_id: str) -> dict[str, str]:
    """A run's id names what it is about."""
    kind, _, subject = workflow_id.partition("/")
    field = {"checkout": "checkout_id", "watch": "attempt_id", "notify": "notification_id"}.get(kind)
    return {} if field is None else {f"{_OURS}{field}": subject}


def _named(ids: Mapping[str, str]) -> dict[str, str]:
    return {f"{_OURS}{name}": value for name, value in ids.items()}


class Telemetry:
    def __init__(self, endpoint: str, service: str, exporter: SpanExporter | None = None) -> None:
        """`endpoint` of an OTLP receiver over HTTP, without `/v1/traces`. The SDK's own `OTEL_` variables
        hold too: sampler, headers, batches, `OTEL_SERVICE_NAME`."""
        resource = Resource({SERVICE_NAME: service}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        out = exporter or OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(IdsOnly(out)))
        self._tracer = self._provider.get_tracer("smartpay")

    def stop(self) -> None:
        self._provider.shutdown()

    def interceptors(self) -> list[ClientInterceptor]:
        tracing = TracingInterceptor(self._tracer)
        tracing.text_map_propagator = _PARENT  # no baggage of callers
        return [tracing, _About()]

    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _PARENT.inject(carrier)
        return carrier.get("traceparent")

    def note(self, ids: Mapping[str, str]) -> None:
        trace.get_current_span().set_attributes(_named(ids))

    @contextmanager
    def joined(self, carried: str | None, name: str, ids: Mapping[str, str]) -> Iterator[None]:
        """Without `carried`, part of what is current. The current span is linked where it is left."""
        here = trace.get_current_span().get_span_context()
        context = None if carried is None else _PARENT.extract({"traceparent": carried}, Context())
        links = [trace.Link(here)] if carried is not None and here.is_valid else None
        with self._tracer.start_as_current_span(name, context=context, links=links, attributes=_named(ids)):
            yield

    @contextmanager
    def served(self, method: str, headers: Mapping[str, str]) -> Iterator[Answered]:
        with self._tracer.start_as_current_span(
            f"HTTP {method}",
            context=_PARENT.extract(headers, Context()),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
        ) as span:
            yield _Answered(span, method)

    @contextmanager
    def outgoing(self, request: httpx.Request) -> Iterator[Answered]:
        """The address alone, no path and no query: those hold references and, at some gateways, e-mails."""
        with self._tracer.start_as_current_span(
            f"HTTP {request.method}",
            kind=SpanKind.CLIENT,
            attributes={
                "http.request.method": request.method,
                "server.address": request.headers.get("Host", request.url.host),
                **(_about.get() or {}),
            },
        ) as span:
            _PARENT.inject(request.headers)
            yield _Answered(span)


class _Answered(Answered):
    def __init__(self, span: trace.Span, method: str | None = None) -> None:
        self._span = span
        self._method = method

    def __call__(self, status: int, route: str | None = None) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if route is not None:
            self._span.update_name(f"{self._method} {route}")
            self._span.set_attribute("http.route", route)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


class _About(ClientInterceptor, Interceptor):
    """Inside the activity's span: says what it is about."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _AboutActivity(next)


class _AboutActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        ids = _named(
            {
                name: value
                for task in input.args
                for name in IDS
                if isinstance(value := getattr(task, name, None), str)
            }
        )
        trace.get_current_span().set_attributes(ids)
        before = _about.set(ids)
        try:
            return await super().execute_activity(input)
        finally:
            _about.reset(before)
