"""One trace holds all that a checkout does, in every process, and nothing personal."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from devstack.ports import Ports
from devstack.programs import ROOT
from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.e2e.requests import card
from tests.live import Shop, open_shop
from tests.notifications.receiver import Receiver, receiving
from tests.tracing.collector import Collector, Span, collecting

CALLER = "0af7651916cd43dd8448eb211c80319c"
CALLERS_SPAN = "b7ad6b7169203331"
"""Of the specification's own example."""


class Traced(NamedTuple):
    shop: Shop
    sandbox: SandboxClient
    collector: Collector


@pytest.fixture(scope="module")
async def traced(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Traced]:
    """The product with traces on."""
    async with collecting() as collector:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": 200}
        directory = tmp_path_factory.mktemp("traced")
        async with (
            Stack(directory, ports=Ports.free(), settings_overrides=settings) as stack,
            open_shop(stack) as shop,
            SandboxClient(stack.sandbox_url) as sandbox,
        ):
            yield Traced(shop, sandbox, collector)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


async def test_a_failed_over_checkout_is_one_trace(
    traced: Traced, receiver: Receiver, tmp_path: Path
) -> None:
    await traced.sandbox.fault("stripe", "*", "refuse", seconds=30)
    answer = await traced.shop.http.post(
        "/v1/checkouts",
        json=card(4242, notification_url=receiver.url),
        headers={
            "Idempotency-Key": "traced",
            "Prefer": "wait=20",
            "traceparent": f"00-{CALLER}-{CALLERS_SPAN}-01",
        },
    )
    checkout = answer.json()
    assert (checkout["status"], checkout["gateway"]) == ("succeeded", "flutterwave"), checkout
    told = (await receiver.wait(1))[0]

    def whole(spans: list[Span]) -> bool:
        """With all that ends last, and no parent still to come: each process sends when it likes."""
        ours = [span for span in spans if span.trace == CALLER]
        last = {"webhook", "RunActivity:deliver_notification", "CompleteWorkflow:Checkout"}
        to_come = {span.parent for span in ours} - {span.id for span in ours}
        return last <= {span.name for span in ours} and to_come == {CALLERS_SPAN}

    await traced.collector.until(whole)
    spans = traced.collector.write(tmp_path / "trace.jsonl", CALLER)

    by_id = {span.id: span for span in spans}
    first, second = (attempt["id"] for attempt in checkout["attempts"])
    (request,) = [span for span in spans if span.name == "POST /v1/checkouts"]
    assert request.parent == CALLERS_SPAN
    assert request.service == "smartpay-api"
    assert request.attributes["smartpay.checkout_id"] == checkout["id"]
    (run,) = [span for span in spans if span.name == "RunWorkflow:Checkout"]
    assert run.service == "smartpay-worker"
    assert run.attributes["smartpay.checkout_id"] == checkout["id"]
    assert [span.name for span in above(run, by_id)] == ["StartWorkflow:Checkout", "POST /v1/checkouts"]

    sends = [span for span in spans if span.name == "RunActivity:send_attempt"]
    assert {span.attributes["smartpay.attempt_id"] for span in sends} == {first, second}
    calls = [span for span in spans if span.name.startswith("HTTP ") and span.parent in {s.id for s in sends}]
    assert {call.attributes["smartpay.attempt_id"] for call in calls} == {first, second}
    refused = [call for call in calls if call.attributes["smartpay.attempt_id"] == first]
    assert all("http.response.status_code" not in call.attributes for call in refused)
    (paid,) = [call for call in calls if call.attributes["smartpay.attempt_id"] == second]
    assert paid.attributes["http.response.status_code"] == "200"

    (back,) = [span for span in spans if span.name == "webhook"]
    assert back.attributes["smartpay.attempt_id"] == second
    assert above(back, by_id) == [request]
    (delivery,) = [span for span in spans if span.name == "RunActivity:deliver_notification"]
    (posted,) = [span for span in spans if span.parent == delivery.id]
    assert told.headers["traceparent"] == f"00-{CALLER}-{posted.id}-01"
    assert request in above(delivery, by_id)


def above(span: Span, by_id: dict[str, Span]) -> list[Span]:
    found = []
    while (parent := by_id.get(span.parent)) is not None:
        found.append(parent)
        span = parent
    return found


async def test_no_span_holds_what_is_personal(traced: Traced) -> None:
    """Of any trace, of any process, the whole text of it."""
    await traced.sandbox.clear_faults()
    checkout = await traced.shop.check_out(card(4343, reference="order-for-ada"), wait=20)
    await traced.collector.until(
        lambda spans: any(span.attributes.get("smartpay.checkout_id") == checkout["id"] for span in spans)
    )
    text = "".join(map(str, traced.collector.spans))
    for personal in ("customer@example.com", "A. Customer", "pm_card", "flw-t1nf", "order-for-ada", "?"):
        assert personal not in text
    allowed = {"exception.type"}
    assert {name for span in traced.collector.spans for event in span.events for name in event} <= allowed


def test_switched_off_nothing_of_it_is_loaded() -> None:
    """Neither by the API nor by the worker."""
    ask = (
        "import sys, api.app, api.__main__, worker\nfrom config import tracing\n"
        "from config.settings import Settings\n"
        "tracing.start(Settings(), 'x'); assert not tracing.on(); assert tracing.interceptors() == [];"
        "print([m for m in sys.modules if m.startswith('opentelemetry.sdk') or 'contrib.opentelemetry' in m])"
    )
    told = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert told.stdout == "[]\n", told.stderr
