"""One page, one form, one token for each gateway: what a shop's page has to hand to the shop's server.

The gateways' own scripts are not here: nothing is loaded from elsewhere, and no card number can be typed. In
their place stand menus of the sandbox's saved cards. Everything behind them is as it would be in a shop: the
form goes to the shop's server, which builds the body of `POST /v1/checkouts`, sends it and shows the answer.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from sandbox.pages import plain_page

_API_KEY: Final = "api_key"


@dataclass(frozen=True)
class Field:
    """The place on the page where a gateway's own script would put its fields, and what it hands over."""

    gateway: str
    title: str
    collects: str
    tokens: Sequence[tuple[str, str]]
    """(token, what becomes of it)."""


FIELDS: Final = (
    Field(
        "stripe",
        "Stripe",
        "Stripe.js: stripe.createPaymentMethod -> paymentMethod.id. A new card, typed into Stripe's fields.",
        (
            ("pm_card_visa", "pays"),
            ("pm_card_chargeDeclinedInsufficientFunds", "soft decline: the next gateway"),
            ("pm_card_threeDSecure2Required", "3-D Secure"),
        ),
    ),
    Field(
        "adyen",
        "Adyen",
        "A card stored at Adyen earlier, as shopper reference and storedPaymentMethodId.",
        (
            ("shopper-1/adyen-tok-success", "pays"),
            ("shopper-1/adyen-tok-insufficient-funds", "soft decline: the next gateway"),
            ("shopper-1/adyen-tok-authentication-required", "must authenticate: Adyen's page"),
        ),
    ),
    Field(
        "flutterwave",
        "Flutterwave",
        "A token kept from an earlier payment at Flutterwave by the same e-mail address.",
        (("flw-t1nf-success", "pays"), ("flw-t1nf-insufficient-funds", "soft decline: the next gateway")),
    ),
    Field(
        "paystack",
        "Paystack",
        "A reusable authorization_code of an earlier payment at Paystack by the same e-mail address.",
        (
            ("paystack-tok-success", "pays"),
            ("paystack-tok-insufficient-funds", "soft decline: the next gateway"),
        ),
    ),
)


def checkout_of(form: Mapping[str, str]) -> dict[str, Any]:
    """The body of `POST /v1/checkouts`. A gateway without a token may still take the customer to its page."""
    tokens = {field.gateway: form[field.gateway] for field in FIELDS if form.get(field.gateway)}
    return {
        "amount": 4_999,
        "currency": form.get("currency", "USD"),
        "customer": {"email": "customer@example.com", "country": form.get("country", "US")},
        "payment_method": {"type": "card", "tokens": tokens} if tokens else {"type": "hosted"},
        "allow_redirect": form.get("allow_redirect") == "yes",
    }


def shop_pages(api_url: Callable[[], str | None]) -> APIRouter:
    """`api_url`: where the shop's server reaches the product; None: the page says that it does not know."""
    router = APIRouter(prefix="/shop", include_in_schema=False)

    @router.get("")
    async def page() -> Response:
        return plain_page("Shop", _form())

    @router.post("")
    async def pay(request: Request) -> Response:
        given = parse_qs((await request.body()).decode("utf-8", "replace"))
        form = {name: values[-1] for name, values in given.items()}
        key = form.pop(_API_KEY, "")
        url = api_url()
        if url is None:
            return plain_page("Shop", "<p>The sandbox was not told where the API is.</p>", 503)
        body = checkout_of(form)
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": secrets.token_hex(16)}
        try:
            async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as http:
                answer = await http.post("/v1/checkouts", json=body, headers=headers)
                told = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError):
            return plain_page("Shop", "<p>The API does not answer.</p>", 502)
        action = told.get("next_action") if isinstance(told, dict) else None
        if isinstance(action, dict) and str(action.get("url", "")).startswith(("http://", "https://")):
            return RedirectResponse(action["url"], 303)
        return plain_page("Shop", _outcome(body, told), answer.status_code if answer.is_error else 200)

    return router


def _form() -> str:
    fields = "".join(
        f"<fieldset><legend>{escape(field.title)}</legend><p>{escape(field.collects)}</p>"
        f'<label for="{field.gateway}">Token</label> <select id="{field.gateway}" name="{field.gateway}">'
        f'<option value="">none</option>{_options(field)}</select></fieldset>'
        for field in FIELDS
    )
    return (
        '<form method="post">'
        f'<p><label for="key">Your API key (it stays on the shop&#39;s server in a real shop)</label> '
        f'<input id="key" name="{_API_KEY}" autocomplete="off" required></p>'
        f"{fields}"
        '<p><label for="country">Country</label> <select id="country" name="country"><option>US</option>'
        "<option>NL</option><option>NG</option></select></p>"
        '<p><label><input type="checkbox" name="allow_redirect" value="yes" checked> '
        "a gateway&#39;s page is all right</label></p>"
        '<button type="submit" class="main">Pay 49.99 USD</button></form>'
    )


def _options(field: Field) -> str:
    return "".join(
        f'<option value="{escape(token)}">{escape(token)}: {escape(effect)}</option>'
        for token, effect in field.tokens
    )


def _outcome(body: object, told: object) -> str:
    def shown(value: object) -> str:
        return escape(json.dumps(value, indent=2, ensure_ascii=False))

    return (
        f"<p>What the shop&#39;s server sent:</p><pre>{shown(body)}</pre>"
        f"<p>What it was told:</p><pre>{shown(told)}</pre>"
        '<p><a href="/shop">Again</a></p>'
    )
