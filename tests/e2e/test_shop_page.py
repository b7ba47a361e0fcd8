"""The example of docs/card-tokens.md works: tokens from the page, a checkout from the shop's server."""

import httpx

from devstack.stack import Stack
from domain.checkout import MethodType
from gateways.registry import registrations
from sandbox.shop.page import FIELDS
from tests.live import Shop
from tests.patience import PATIENCE


async def submitted(stack: Stack, shop: Shop, **form: str) -> httpx.Response:
    key = shop.http.headers["Authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(base_url=stack.sandbox_url, timeout=PATIENCE, trust_env=False) as browser:
        page = await browser.get("/shop")
        assert page.status_code == 200
        for name in form:
            assert f'name="{name}"' in page.text
        return await browser.post("/shop", data={"api_key": key, **form})


def test_every_gateway_that_takes_cards_has_its_place_on_the_page() -> None:
    cards = {name for name, each in registrations().items() if MethodType.CARD in each.capabilities.methods}
    assert {field.gateway for field in FIELDS} == cards


async def test_a_soft_decline_goes_on_where_there_is_a_token(stack: Stack, shop: Shop) -> None:
    answer = await submitted(
        stack, shop, stripe="pm_card_chargeDeclinedInsufficientFunds", flutterwave="flw-t1nf-success"
    )
    assert answer.status_code == 200
    assert "succeeded" in answer.text
    assert shop.http.headers["Authorization"].removeprefix("Bearer ") not in answer.text


async def test_without_another_token_the_next_gateways_page_opens(stack: Stack, shop: Shop) -> None:
    answer = await submitted(
        stack, shop, stripe="pm_card_chargeDeclinedInsufficientFunds", allow_redirect="yes"
    )
    assert answer.status_code == 303
    assert "/pay/flutterwave/" in answer.headers["location"]


async def test_a_card_that_must_authenticate_goes_to_adyens_page(stack: Stack, shop: Shop) -> None:
    token = "shopper-1/adyen-tok-authentication-required"
    answer = await submitted(stack, shop, adyen=token, country="NL", allow_redirect="yes")
    assert answer.status_code == 303
    assert "/pay/adyen/PL" in answer.headers["location"]


async def test_the_page_says_when_the_key_is_wrong(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.sandbox_url, timeout=PATIENCE, trust_env=False) as browser:
        answer = await browser.post("/shop", data={"api_key": "sp_wrong", "stripe": "pm_card_visa"})
    assert answer.status_code == 401
