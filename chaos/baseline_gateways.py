"""How the baseline speaks to each gateway: one request that asks for the money, one webhook that says paid.

A charge answers with the checkout's status and what the customer has to do. It raises Declined for a no, and
httpx.HTTPError, ValueError or KeyError for anything else that is no yes.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx

Charged = tuple[str, dict[str, Any] | None]

_AFRICAN: Final = ("flutterwave", "paystack", "stripe")
_ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "NG": _AFRICAN,
    "GH": _AFRICAN,
    "KE": _AFRICAN,
    "UG": ("flutterwave", "stripe"),
    "NL": ("adyen", "stripe"),
}
_ANYWHERE: Final = ("stripe", "flutterwave")
_WITH_PHONES: Final = ("flutterwave", "paystack")
_HOLDING: Final = ("stripe", "adyen")
_HARD: Final = (
    "stolen_card",
    "lost_card",
    "fraudulent",
    "FRAUD",
    "Denied by Fraud System",
    "Suspected Fraud",
)


class Declined(Exception):
    """The gateway said no."""

    def __init__(self, why: object) -> None:
        super().__init__("declined")
        self.hard = why in _HARD


def order_of(body: Mapping[str, Any]) -> list[str]:
    """Whom to ask, one after the other."""
    method = _method(body)
    order = _ORDERS.get(body["customer"]["country"], _ANYWHERE)
    if body.get("gateway"):
        order = (body["gateway"],)
    if method["type"] == "card":
        order = tuple(name for name in order if name in method["tokens"])
    if method["type"] == "mobile_money":
        order = tuple(name for name in order if name in _WITH_PHONES)
    if body.get("capture_method") == "manual":
        order = tuple(name for name in order if name in _HOLDING)
    return list(order)


def paid_reference(account: str, told: Any) -> str | None:
    """Our reference, where a webhook says that it is paid."""
    match account:
        case "stripe":
            paid = told["type"] == "payment_intent.succeeded"
            return told["data"]["object"]["metadata"]["attempt"] if paid else None
        case "adyen":
            item = told["notificationItems"][0]["NotificationRequestItem"]
            paid = item["eventCode"] == "AUTHORISATION" and item["success"] == "true"
            return item["merchantReference"] if paid else None
        case "paystack":
            paid = told["event"] == "charge.success"
            return told["data"]["reference"].replace("-", "_") if paid else None
        case _:
            paid = told["event"] == "charge.completed" and told["data"]["status"] == "successful"
            return told["data"]["tx_ref"] if paid else None


async def _stripe(http: httpx.AsyncClient, reference: str, body: dict[str, Any]) -> Charged:
    method = _method(body)
    currency = body["currency"].lower()
    if method["type"] == "card":
        path = "/v1/payment_intents"
        form = {
            "amount": body["amount"],
            "currency": currency,
            "payment_method": method["tokens"]["stripe"],
            "allowed_payment_method_types[0]": "card",
            "capture_method": body.get("capture_method", "automatic"),
            "confirm": "true",
            "return_url": body["return_url"],
            "metadata[attempt]": reference,
            "receipt_email": body["customer"]["email"],
        }
    else:
        path = "/v1/checkout/sessions"
        form = {
            "mode": "payment",
            "line_items[0][quantity]": 1,
            "line_items[0][price_data][currency]": currency,
            "line_items[0][price_data][unit_amount]": body["amount"],
            "line_items[0][price_data][product_data][name]": "Payment",
            "client_reference_id": reference,
            "payment_intent_data[metadata][attempt]": reference,
            "success_url": body["return_url"],
            "customer_email": body["customer"]["email"],
        }
    answer = await http.post(
        _url("STRIPE", path),
        data=form,
        headers={
            "Authorization": f"Bearer {os.environ['STRIPE_SECRET_KEY']}",
            "Idempotency-Key": reference,
            "Stripe-Version": "2026-09-30.endive",
        },
    )
    told = answer.json()
    if answer.status_code == 402:
        raise Declined(told["error"].get("decline_code"))
    answer.raise_for_status()
    if method["type"] != "card":
        return _redirect(told["url"])
    match told["status"]:
        case "succeeded" | "requires_capture" as status:
            return status, None
        case "requires_action":
            return _redirect(told["next_action"]["redirect_to_url"]["url"])
    raise Declined(None)


async def _adyen(http: httpx.AsyncClient, reference: str, body: dict[str, Any]) -> Charged:
    method = _method(body)
    manual = body.get("capture_method") == "manual"
    fields: dict[str, Any] = {
        "merchantAccount": os.environ["ADYEN_MERCHANT_ACCOUNT"],
        "reference": reference,
        "amount": {"currency": body["currency"], "value": body["amount"]},
        "returnUrl": body["return_url"],
        "shopperEmail": body["customer"]["email"],
    }
    card = method["type"] == "card"
    if card:
        fields |= {
            "paymentMethod": {"type": "scheme", "storedPaymentMethodId": method["tokens"]["adyen"]},
            "shopperReference": body["customer"]["email"],
            **({"additionalData": {"manualCapture": "true"}} if manual else {"captureDelayHours": 0}),
        }
    answer = await http.post(
        _url("ADYEN", "/payments" if card else "/paymentLinks"),
        json=fields,
        headers={"X-API-Key": os.environ["ADYEN_API_KEY"], "Idempotency-Key": reference},
    )
    answer.raise_for_status()
    told = answer.json()
    if not card:
        return _redirect(told["url"])
    match told["resultCode"]:
        case "Authorised":
            return ("requires_capture" if manual else "succeeded"), None
        case "Refused" | "Error":
            raise Declined(told.get("refusalReason"))
    return "processing", None


async def _flutterwave(http: httpx.AsyncClient, reference: str, body: dict[str, Any]) -> Charged:
    method = _method(body)
    currency = body["currency"]
    amount = body["amount"] if currency == "UGX" else body["amount"] / 100
    fields: dict[str, Any] = {
        "tx_ref": reference,
        "amount": amount,
        "currency": currency,
        "redirect_url": body["return_url"],
    }
    email = body["customer"]["email"]
    match method["type"]:
        case "card":
            path = "/tokenized-charges"
            fields |= {"token": method["tokens"]["flutterwave"], "email": email}
        case "mobile_money":
            kind = "mobile_money_uganda" if currency == "UGX" else "mpesa"
            path = f"/charges?type={kind}"
            fields |= {"phone_number": method["phone"], "network": method["network"], "email": email}
        case _:
            path = "/payments"
            fields |= {"customer": {"email": email}}
    told = await _bearer(http, "FLUTTERWAVE", path, fields)
    data = told.get("data") or {}
    if method["type"] == "card":
        match data["status"]:
            case "successful":
                return "succeeded", None
            case "failed":
                raise Declined(data.get("processor_response"))
        return "processing", None
    url = data.get("link") or (told.get("meta") or {}).get("authorization", {}).get("redirect")
    return _redirect(url) if url else ("requires_action", {"type": "mobile_prompt"})


async def _paystack(http: httpx.AsyncClient, reference: str, body: dict[str, Any]) -> Charged:
    method = _method(body)
    fields: dict[str, Any] = {
        "email": body["customer"]["email"],
        "amount": str(body["amount"]),
        "currency": body["currency"],
        "reference": reference.replace("_", "-"),
    }
    match method["type"]:
        case "card":
            path = "/transaction/charge_authorization"
            fields |= {"authorization_code": method["tokens"]["paystack"]}
        case "mobile_money":
            path = "/charge"
            provider = "mpesa" if body["currency"] == "KES" else "mtn"
            fields |= {"mobile_money": {"phone": method["phone"], "provider": provider}}
        case _:
            path = "/transaction/initialize"
            fields |= {"callback_url": body["return_url"]}
    data = (await _bearer(http, "PAYSTACK", path, fields))["data"]
    if "authorization_url" in data:
        return _redirect(data["authorization_url"])
    match data["status"]:
        case "success":
            return "succeeded", None
        case "failed":
            raise Declined(data.get("gateway_response"))
        case "pay_offline":
            return "requires_action", {"type": "mobile_prompt"}
    return "processing", None


async def _bearer(http: httpx.AsyncClient, gateway: str, path: str, fields: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post(
        _url(gateway, path),
        json=fields,
        headers={"Authorization": f"Bearer {os.environ[f'{gateway}_SECRET_KEY']}"},
    )
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def _method(body: Mapping[str, Any]) -> dict[str, Any]:
    method: dict[str, Any] = body.get("payment_method", {"type": "hosted"})
    return method


def _url(gateway: str, path: str) -> str:
    return os.environ[f"{gateway}_BASE_URL"].rstrip("/") + path


def _redirect(url: str) -> Charged:
    return "requires_action", {"type": "redirect", "url": url}


CHARGES: Final[Mapping[str, Callable[[httpx.AsyncClient, str, dict[str, Any]], Awaitable[Charged]]]] = {
    "stripe": _stripe,
    "adyen": _adyen,
    "flutterwave": _flutterwave,
    "paystack": _paystack,
}
