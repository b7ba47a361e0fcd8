"""The customer's pages, clicked through with plain forms, no scripts."""

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.sandbox.wire import intent, mobile_money, page, session
from tests.sandbox_process import SandboxProcess


async def press(browser: httpx.AsyncClient, url: str, button: str) -> httpx.Response:
    """Press a button that the page really has."""
    shown = await browser.get(url)
    assert shown.status_code == 200
    assert f'name="action" value="{button}"' in shown.text
    return await browser.post(url, data={"action": button})


async def link(flutterwave: httpx.AsyncClient, reference: str, **changes: object) -> str:
    answer = (await flutterwave.post("/payments", json=page(reference, **changes))).json()
    assert (answer["status"], answer["message"]) == ("success", "Hosted Link")
    return str(answer["data"]["link"])


async def test_checkout_is_paid_after_a_decline(
    stripe: httpx.AsyncClient, browser: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    made = (await stripe.post("/v1/checkout/sessions", data=session(reference))).json()
    shown = await browser.get(made["url"])
    assert "50.00 EUR" in shown.text
    assert "Shoes &lt;b&gt;&amp;&lt;/b&gt; socks" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    declined = await press(browser, made["url"], "decline")
    assert (declined.status_code, "declined" in declined.text) == (200, True)
    paid = await press(browser, made["url"], "pay")
    assert paid.status_code == 302
    assert paid.headers["location"] == f"https://shop.example/return?session={made['id']}"
    assert (await browser.get(made["url"])).status_code == 410
    await browser.post(made["url"], data={"action": "pay"})
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["decline", "capture"]


async def test_checkout_can_be_left(
    stripe: httpx.AsyncClient, browser: httpx.AsyncClient, reference: str
) -> None:
    made = (await stripe.post("/v1/checkout/sessions", data=session(reference))).json()
    left = await press(browser, made["url"], "cancel")
    assert (left.status_code, left.headers["location"]) == (302, "https://shop.example/cancel")
    await stripe.post(f"/v1/checkout/sessions/{made['id']}/expire")
    assert (await browser.get(made["url"])).status_code == 410


@pytest.mark.parametrize(
    ("button", "outcome", "kinds"), [("pay", "succeeded", ["capture"]), ("fail", "failed", ["decline"])]
)
async def test_the_challenge_returns_to_the_shop(
    stripe: httpx.AsyncClient,
    browser: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    button: str,
    outcome: str,
    kinds: list[str],
) -> None:
    form = intent(
        reference,
        payment_method="pm_card_threeDSecure2Required",
        return_url="https://shop.example/return?cart=1",
    )
    asked = (await stripe.post("/v1/payment_intents", data=form)).json()
    url = asked["next_action"]["redirect_to_url"]["url"]
    back = await press(browser, url, button)
    assert back.status_code == 302
    query = httpx.URL(back.headers["location"]).params
    assert (query["cart"], query["payment_intent"], query["redirect_status"]) == ("1", asked["id"], outcome)
    assert query["payment_intent_client_secret"] == asked["client_secret"]
    assert [row["kind"] for row in await control.ledger(reference=reference)] == kinds
    assert (await browser.get(url)).status_code == 410


async def test_a_standard_page_stays_open_after_a_failed_try(
    flutterwave: httpx.AsyncClient, browser: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    url = await link(flutterwave, reference, customizations={"title": "<Shop>"})
    shown = await browser.get(url)
    assert "7,500.00 NGN" in shown.text
    assert "&lt;Shop&gt;" in shown.text
    assert (await press(browser, url, "decline")).status_code == 200
    paid = await press(browser, url, "pay")
    query = httpx.URL(paid.headers["location"]).params
    assert (query["cart"], query["status"], query["tx_ref"]) == ("1", "successful", reference)
    fetched = (await flutterwave.get(f"/transactions/{query['transaction_id']}/verify")).json()["data"]
    assert (fetched["status"], fetched["amount"]) == ("successful", 7500)
    listed = (await flutterwave.get("/transactions", params={"tx_ref": reference})).json()["data"]
    assert [item["status"] for item in listed] == ["successful", "failed"]
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["decline", "capture"]
    assert (await browser.get(url)).status_code == 410


async def test_a_disabled_page_cannot_be_paid(
    flutterwave: httpx.AsyncClient, browser: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    url = await link(flutterwave, reference)
    closed = await flutterwave.post("/payments/link/disable", json={"link": url})
    assert (closed.status_code, closed.json()["status"]) == (200, "success")
    assert (await browser.post(url, data={"action": "pay"})).status_code == 410
    assert await control.ledger(reference=reference) == []
    again = await flutterwave.post("/payments/link/disable", json={"link": url})
    assert (again.status_code, again.json()["message"]) == (400, "This payment link is currently inactive")
    unknown = await flutterwave.post("/payments/link/disable", json={"link": f"{url}x"})
    assert unknown.status_code == 400
    [_, disabled, *_] = await control.requests(reference=reference)
    assert disabled["operation"] == "cancel"


async def test_leaving_a_standard_page_is_told_as_failed(
    flutterwave: httpx.AsyncClient, browser: httpx.AsyncClient, reference: str
) -> None:
    left = await press(browser, await link(flutterwave, reference), "cancel")
    assert left.headers["location"] == f"https://shop.example/return?cart=1&status=failed&tx_ref={reference}"


async def test_too_many_failed_tries_close_the_page(
    flutterwave: httpx.AsyncClient, browser: httpx.AsyncClient, reference: str
) -> None:
    url = await link(flutterwave, reference, configurations={"session_duration": 10, "max_retry_attempt": 1})
    assert (await press(browser, url, "decline")).status_code == 200
    closed = await press(browser, url, "decline")
    assert httpx.URL(closed.headers["location"]).params["status"] == "failed"
    assert (await browser.get(url)).status_code == 410


async def test_a_mobile_money_customer_can_confirm_on_the_page(
    flutterwave: httpx.AsyncClient, browser: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    body = mobile_money(reference, redirect_url="https://shop.example/return")
    answer = (await flutterwave.post("/charges?type=mobile_money_ghana", json=body)).json()
    back = await press(browser, answer["meta"]["authorization"]["redirect"], "decline")
    assert httpx.URL(back.headers["location"]).params["status"] == "failed"
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["decline"]


async def test_unknown_pages_are_not_found(browser: httpx.AsyncClient, sandbox: SandboxProcess) -> None:
    base = sandbox.control
    for path in ("stripe/checkout/x", "stripe/challenge/x", "flutterwave/x", "flutterwave/prompt/1"):
        assert (await browser.get(f"{base}/pay/{path}")).status_code == 404
        assert (await browser.post(f"{base}/pay/{path}", data={"action": "pay"})).status_code == 404
