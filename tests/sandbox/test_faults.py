"""Every fault does what its name says, and the ledger tells whether the gateway had taken effect."""

import asyncio

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.patience import PATIENCE
from tests.sandbox.wire import effects, eventually, intent, mobile_money, session, token_charge
from tests.sandbox_process import SandboxProcess

STRIPE_CHARGE = "/v1/payment_intents"
FLUTTERWAVE_CHARGE = "/tokenized-charges"


async def charge(
    gateway: str, client: httpx.AsyncClient, reference: str, *, read: float = PATIENCE
) -> httpx.Response:
    timeout = httpx.Timeout(PATIENCE, read=read)
    if gateway == "stripe":
        return await client.post(STRIPE_CHARGE, data=intent(reference), timeout=timeout)
    return await client.post(FLUTTERWAVE_CHARGE, json=token_charge(reference), timeout=timeout)


@pytest.fixture(params=["stripe", "flutterwave"])
def gateway(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(gateway: str, stripe: httpx.AsyncClient, flutterwave: httpx.AsyncClient) -> httpx.AsyncClient:
    return stripe if gateway == "stripe" else flutterwave


@pytest.mark.parametrize(
    ("fault", "lost", "moved"),
    [
        ("timeout_before", httpx.ReadTimeout, 0),
        ("timeout_after", httpx.ReadTimeout, 1),
        ("reset_before", httpx.ReadError, 0),
        ("reset_after", httpx.ReadError, 1),
    ],
)
async def test_the_answer_is_lost_before_or_after_the_effect(
    gateway: str,
    client: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    fault: str,
    lost: type[Exception],
    moved: int,
) -> None:
    await control.fault(gateway, "charge", fault, count=1, reference=reference)
    with pytest.raises(lost):
        await charge(gateway, client, reference, read=1)
    assert len(await control.ledger(reference=reference)) == moved
    [logged] = await control.requests(reference=reference)
    assert (logged["gateway"], logged["operation"], logged["fault"]) == (gateway, "charge", fault)
    assert (await charge(gateway, client, reference)).status_code == 200
    assert len(await control.ledger(reference=reference)) == moved + 1


@pytest.mark.parametrize(
    ("fault", "statuses", "moved"),
    [
        ("error_before", {500, 503}, 0),
        ("error_after", {500, 503}, 1),
        ("rate_limit", {429}, 0),
        ("unauthorized", {401}, 0),
    ],
)
async def test_the_gateway_says_no_before_or_after_the_effect(
    gateway: str,
    client: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    fault: str,
    statuses: set[int],
    moved: int,
) -> None:
    await control.fault(gateway, "*", fault, count=1, reference=reference)
    answer = await charge(gateway, client, reference)
    assert answer.status_code in statuses
    assert answer.json()
    assert (answer.headers.get("retry-after") == "1") is (fault == "rate_limit")
    assert len(await control.ledger(reference=reference)) == moved


async def test_a_lost_answer_is_replayed_under_its_key(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    headers = {"Idempotency-Key": reference}
    for fault in ("timeout_after", "reset_after"):
        await control.fault("stripe", "charge", fault, count=1, reference=reference)
        with pytest.raises(httpx.TransportError):
            await stripe.post(
                STRIPE_CHARGE,
                data=intent(reference),
                headers=headers,
                timeout=httpx.Timeout(PATIENCE, read=1),
            )
    answer = await stripe.post(STRIPE_CHARGE, data=intent(reference), headers=headers)
    assert answer.headers["idempotent-replayed"] == "true"
    assert answer.json()["status"] == "succeeded"
    assert len(await control.ledger(reference=reference)) == 1


async def test_malformed_is_a_200_that_nobody_can_read(
    gateway: str, client: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await control.fault(gateway, "charge", "malformed", count=1, reference=reference)
    answer = await charge(gateway, client, reference)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()
    assert len(await control.ledger(reference=reference)) == 1


async def test_slow_takes_effect_even_if_the_client_has_left(
    gateway: str, client: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await control.fault(gateway, "charge", "slow", seconds=5, count=1, reference=reference)
    with pytest.raises(httpx.ReadTimeout):
        await charge(gateway, client, reference, read=0.3)
    assert await control.ledger(reference=reference) == []
    await eventually(lambda: control.ledger(reference=reference), lambda rows: len(rows) == 1)


@pytest.mark.parametrize(
    ("fault", "stripe_row", "flutterwave_row"),
    [
        ("wrong_amount", ("capture", 2100, "USD"), ("capture", 12650, "NGN")),
        ("wrong_currency", ("capture", 2000, "EUR"), ("capture", 12550, "USD")),
    ],
)
async def test_the_gateway_can_take_other_money_than_asked(
    gateway: str,
    client: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    fault: str,
    stripe_row: tuple[str, int, str],
    flutterwave_row: tuple[str, int, str],
) -> None:
    await control.fault(gateway, "charge", fault, count=1, reference=reference)
    answer = (await charge(gateway, client, reference)).json()
    expected = stripe_row if gateway == "stripe" else flutterwave_row
    assert effects(await control.ledger(reference=reference)) == [expected]
    shown = answer if gateway == "stripe" else answer["data"]
    assert shown["currency"].upper() == expected[2]
    assert shown["amount"] in (expected[1], expected[1] / 100)


async def test_pages_can_be_about_other_money_too(
    stripe: httpx.AsyncClient, flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await control.fault("*", "charge", "wrong_amount", count=2, reference=reference)
    made = await stripe.post("/v1/checkout/sessions", data=session(reference))
    assert made.json()["amount_total"] == 5100
    await flutterwave.post("/charges?type=mobile_money_ghana", json=mobile_money(reference))
    await control.settle(made.json()["id"], "paid")
    rows = await eventually(lambda: control.ledger(reference=reference), lambda found: len(found) == 2)
    assert sorted(effects(rows)) == [("capture", 5100, "EUR"), ("capture", 15100, "GHS")]


async def test_a_look_up_can_miss_once(
    stripe: httpx.AsyncClient, flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    paid = (await stripe.post(STRIPE_CHARGE, data=intent(reference))).json()
    await flutterwave.post(FLUTTERWAVE_CHARGE, json=token_charge(reference))
    await control.fault("stripe", "lookup", "not_found_once", reference=reference)
    await control.fault("flutterwave", "lookup", "not_found_once", count=2, reference=reference)
    path = f"{STRIPE_CHARGE}/{paid['id']}"
    assert [(await stripe.get(path)).status_code for _ in range(2)] == [404, 200]
    by_reference = f"?tx_ref={reference}"
    assert (await flutterwave.get(f"/transactions/verify_by_reference{by_reference}")).status_code == 400
    assert (await flutterwave.get(f"/transactions{by_reference}")).json()["data"] == []
    assert (await flutterwave.get(f"/transactions/verify_by_reference{by_reference}")).status_code == 200


async def test_faults_count_skip_and_filter(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    added = await control.fault("stripe", "lookup", "error_before", count=2, after=1, reference=reference)
    paid = (await stripe.post(STRIPE_CHARGE, data=intent(reference))).json()
    other = (await stripe.post(STRIPE_CHARGE, data=intent(f"{reference}-other"))).json()
    path = f"{STRIPE_CHARGE}/{paid['id']}"
    assert (await stripe.get(f"{STRIPE_CHARGE}/{other['id']}")).status_code == 200
    assert [(await stripe.get(path)).status_code for _ in range(4)] == [200, 500, 500, 200]
    [shown] = [fault for fault in await control.faults() if fault["id"] == added["id"]]
    assert (shown["remaining"], shown["hits"]) == (0, 2)


async def test_a_marker_finds_the_payment_by_what_its_charge_says(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    """The reference need not be known beforehand; later requests of the payment are recognized by it."""
    marker = f"marked-{reference}"
    await control.fault("stripe", "charge", "rate_limit", count=1, marker=marker)
    await control.fault("stripe", "lookup", "error_before", count=1, marker=marker)
    marked = intent(reference, receipt_email=f"{marker}@example.com")
    plain = await stripe.post(STRIPE_CHARGE, data=intent(f"{reference}-other"))
    first, second = [await stripe.post(STRIPE_CHARGE, data=marked) for _ in range(2)]
    assert (plain.status_code, first.status_code, second.status_code) == (200, 429, 200)
    for paid, status in ((plain, 200), (second, 500)):
        assert (await stripe.get(f"{STRIPE_CHARGE}/{paid.json()['id']}")).status_code == status


async def test_faults_by_probability_hit_some(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await control.fault("stripe", "charge", "rate_limit", probability=0.5, reference=reference)
    statuses = [(await charge("stripe", stripe, reference)).status_code for _ in range(40)]
    assert set(statuses) == {200, 429}


async def test_a_held_connection_is_let_go_at_the_end_of_its_seconds(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await control.fault("stripe", "charge", "timeout_after", seconds=0.2, count=1, reference=reference)
    with pytest.raises(httpx.RemoteProtocolError):
        await charge("stripe", stripe, reference)


@pytest.mark.parametrize(
    "body",
    [
        {"gateway": "nobody", "operation": "charge", "fault": "slow"},
        {"gateway": "stripe", "operation": "dance", "fault": "slow"},
        {"gateway": "stripe", "operation": "charge", "fault": "unicorn"},
        {"gateway": "stripe", "operation": "charge", "fault": "slow", "surprise": 1},
        {"gateway": "stripe", "operation": "charge", "fault": "slow", "count": 0},
        {"gateway": "stripe", "operation": "charge", "fault": "slow", "count": 1, "probability": 0.5},
        {"gateway": "stripe", "operation": "charge", "fault": "drop"},
        {"gateway": "stripe", "operation": "webhook", "fault": "slow"},
        {"gateway": "stripe", "operation": "charge", "fault": "not_found_once"},
        {"gateway": "stripe", "operation": "lookup", "fault": "wrong_amount"},
        {"gateway": "stripe", "operation": "*", "fault": "refuse", "count": 1},
        {"gateway": "stripe", "operation": "*", "fault": "refuse", "probability": 0.5},
        {"gateway": "stripe", "operation": "refund", "fault": "refuse"},
    ],
)
async def test_a_fault_that_makes_no_sense_is_a_422(sandbox: SandboxProcess, body: dict[str, object]) -> None:
    async with httpx.AsyncClient(base_url=sandbox.control, trust_env=False) as client:
        assert (await client.post("/_/faults", json=body)).status_code == 422


async def refused(url: str) -> bool:
    """Whether a fresh connection is refused by the port itself."""
    host, port = url.split("/")[2].split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_refuse_closes_the_port_until_it_is_deleted(
    sandbox: SandboxProcess, stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    assert (await stripe.get(STRIPE_CHARGE)).status_code == 200  # leaves an idle connection behind
    await control.fault("stripe", "charge", "refuse")
    assert await refused(sandbox.gateways["stripe"])
    assert not await refused(sandbox.gateways["flutterwave"])
    with pytest.raises(httpx.ConnectError):
        await stripe.post(STRIPE_CHARGE, data=intent(reference))
    through_control = f"{sandbox.control}/stripe{STRIPE_CHARGE}"
    with pytest.raises(httpx.ReadError):
        await stripe.post(through_control, data=intent(reference))
    assert await control.requests(reference=reference) == []
    await control.clear_faults()
    assert (await stripe.post(STRIPE_CHARGE, data=intent(reference))).status_code == 200


async def test_refuse_ends_by_itself(
    sandbox: SandboxProcess, flutterwave: httpx.AsyncClient, control: SandboxClient
) -> None:
    await control.fault("flutterwave", "*", "refuse", seconds=0.3)
    assert await refused(sandbox.gateways["flutterwave"])
    await eventually(lambda: refused(sandbox.gateways["flutterwave"]), lambda closed: not closed)
    assert await control.faults() == []
    assert (await flutterwave.get("/transactions")).status_code == 200
