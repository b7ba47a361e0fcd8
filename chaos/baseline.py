"""The obvious design, for comparison: a handler that tries, retries and falls back, against the same sandbox.

    python -m chaos.baseline

It is written with care as far as the design goes: durable rows, one checkout per idempotency key, one
idempotency key per checkout and gateway where the gateway takes one, time-outs, retries, webhooks. What it
lacks is what the product is about: it treats silence as a no, and nobody goes on after a crash.
"""

import json
import os
import sqlite3
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse
from ulid import ULID

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checkout (
    id TEXT PRIMARY KEY, key TEXT UNIQUE, body TEXT, status TEXT, next_action TEXT, attempts TEXT
)
"""
_TRIES: Final = 2
_HARD: Final = ("stolen_card", "lost_card", "fraudulent")


class Declined(Exception):
    """The gateway said no."""

    def __init__(self, *, hard: bool) -> None:
        super().__init__("declined")
        self.hard = hard


class Shop:
    def __init__(self, database: Path) -> None:
        self._rows = sqlite3.connect(database, isolation_level=None)
        self._rows.row_factory = sqlite3.Row
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute(_SCHEMA)
        self._http = httpx.AsyncClient(timeout=2.0, trust_env=False)

    async def create(self, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        known = self._rows.execute("SELECT * FROM checkout WHERE key = ?", (key,)).fetchone()
        if known is not None:
            if json.loads(known["body"]) != body:
                return 422, {"code": "idempotency_key_reused"}
            return 200, _view(known)
        identity = f"co_{str(ULID()).lower()}"
        self._rows.execute(
            "INSERT INTO checkout VALUES (?, ?, ?, 'processing', NULL, '[]')",
            (identity, key, json.dumps(body)),
        )
        await self._pay(identity, body)
        return 201, self.view(identity)

    def view(self, identity: str) -> dict[str, Any]:
        return _view(self._rows.execute("SELECT * FROM checkout WHERE id = ?", (identity,)).fetchone())

    def cancel(self, identity: str) -> None:
        self._rows.execute(
            "UPDATE checkout SET status = 'canceled', next_action = NULL "
            "WHERE id = ? AND status IN ('processing', 'requires_action', 'requires_capture')",
            (identity,),
        )

    def paid(self, reference: str) -> None:
        """A webhook says so."""
        identity = f"co_{reference.removeprefix('att_').rpartition('_')[0]}"
        self._rows.execute(
            "UPDATE checkout SET status = 'succeeded', next_action = NULL WHERE id = ?", (identity,)
        )

    async def _pay(self, identity: str, body: dict[str, Any]) -> None:
        first = "flutterwave" if body["customer"]["country"] in ("NG", "UG", "KE") else "stripe"
        order = [first, "stripe" if first == "flutterwave" else "flutterwave"]
        if body.get("payment_method", {}).get("type") == "mobile_money":
            order = ["flutterwave"]
        if body.get("capture_method") == "manual":
            order = ["stripe"]
        for number, gateway in enumerate(order, start=1):
            reference = f"att_{identity.removeprefix('co_')}_{number}"
            for _ in range(_TRIES):
                try:
                    status, action = await self._charge(gateway, reference, body)
                except Declined as no:
                    if no.hard:
                        self._finish(identity, "failed", None, reference)
                        return
                    break
                except (httpx.HTTPError, ValueError, KeyError):
                    continue
                self._finish(identity, status, action, reference)
                return
        self._finish(identity, "failed", None, None)

    def _finish(
        self, identity: str, status: str, action: dict[str, Any] | None, reference: str | None
    ) -> None:
        made = [] if reference is None else [{"id": reference, "status": "captured"}]
        self._rows.execute(
            "UPDATE checkout SET status = ?, next_action = ?, attempts = ? WHERE id = ?",
            (status, json.dumps(action), json.dumps(made), identity),
        )

    async def _charge(
        self, gateway: str, reference: str, body: dict[str, Any]
    ) -> tuple[str, dict[str, Any] | None]:
        if gateway == "stripe":
            return await self._stripe(reference, body)
        return await self._flutterwave(reference, body)

    async def _stripe(self, reference: str, body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        card = body.get("payment_method", {}).get("type") == "card"
        currency = body["currency"].lower()
        if card:
            path = "/v1/payment_intents"
            form = {
                "amount": body["amount"],
                "currency": currency,
                "payment_method": body["payment_method"]["tokens"]["stripe"],
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
        answer = await self._http.post(
            os.environ["STRIPE_BASE_URL"].rstrip("/") + path,
            data=form,
            headers={
                "Authorization": f"Bearer {os.environ['STRIPE_SECRET_KEY']}",
                "Idempotency-Key": reference,
                "Stripe-Version": "2026-09-30.endive",
            },
        )
        told = answer.json()
        if answer.status_code == 402:
            raise Declined(hard=told["error"].get("decline_code") in _HARD)
        answer.raise_for_status()
        if not card:
            return "requires_action", {"type": "redirect", "url": told["url"]}
        match told["status"]:
            case "succeeded":
                return "succeeded", None
            case "requires_capture":
                return "requires_capture", None
            case "requires_action":
                url = told["next_action"]["redirect_to_url"]["url"]
                return "requires_action", {"type": "redirect", "url": url}
        raise Declined(hard=False)

    async def _flutterwave(self, reference: str, body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        method = body.get("payment_method", {"type": "hosted"})
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
        answer = await self._http.post(
            os.environ["FLUTTERWAVE_BASE_URL"].rstrip("/") + path,
            json=fields,
            headers={"Authorization": f"Bearer {os.environ['FLUTTERWAVE_SECRET_KEY']}"},
        )
        answer.raise_for_status()
        told = answer.json()
        data = told.get("data") or {}
        if method["type"] == "card":
            match data["status"]:
                case "successful":
                    return "succeeded", None
                case "failed":
                    raise Declined(hard=False)
            return "processing", None
        url = data.get("link") or (told.get("meta") or {}).get("authorization", {}).get("redirect")
        action = {"type": "redirect", "url": url} if url else {"type": "mobile_prompt"}
        return "requires_action", action


def _view(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": row["status"],
        "next_action": json.loads(row["next_action"]) if row["next_action"] else None,
        "attempts": json.loads(row["attempts"]),
    }


def build(database: Path) -> FastAPI:
    app, shop = FastAPI(), Shop(database)

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/checkouts")
    async def create(request: Request, idempotency_key: Annotated[str, Header()]) -> JSONResponse:
        status, body = await shop.create(idempotency_key, await request.json())
        return JSONResponse(body, status)

    @app.get("/v1/checkouts/{identity}")
    async def get(identity: str) -> dict[str, Any]:
        return shop.view(identity)

    @app.post("/v1/checkouts/{identity}/cancel")
    async def cancel(identity: str) -> dict[str, Any]:
        shop.cancel(identity)
        return shop.view(identity)

    @app.post("/webhooks/{account}")
    async def webhook(account: str, request: Request) -> JSONResponse:
        told = await request.json()
        if account == "stripe":
            item = told["data"]["object"]
            if told["type"] == "payment_intent.succeeded":
                shop.paid(item["metadata"]["attempt"])
        elif told["event"] == "charge.completed" and told["data"]["status"] == "successful":
            shop.paid(told["data"]["tx_ref"])
        return JSONResponse({})

    return app


if __name__ == "__main__":
    uvicorn.run(
        build(Path(os.environ["DATA_DIR"]) / "baseline.sqlite3"),
        host=os.environ["API_HOST"],
        port=int(os.environ["API_PORT"]),
        log_level="warning",
    )
