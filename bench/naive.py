"""`python -m bench.naive`: the same charge without durability: a handler calls the gateway and answers.

No row, no plan, no retry: what a payment costs where nothing has to survive.
"""

import os
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from ulid import ULID


class Request(BaseModel):
    reference: str
    amount: int
    currency: str
    customer: dict[str, Any]
    payment_method: dict[str, Any]
    metadata: dict[str, str]


class Gateway:
    """Stripe's charge of a card, and nothing else."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    async def charge(self, reference: str, request: Request) -> dict[str, Any]:
        """The payment. Raises httpx.HTTPError."""
        answer = await self._http.post(
            "/v1/payment_intents",
            headers={"Idempotency-Key": f"{reference}:charge"},
            data={
                "amount": request.amount,
                "currency": request.currency.lower(),
                "confirm": "true",
                "payment_method": request.payment_method["tokens"]["stripe"],
                "payment_method_types[0]": "card",
                "metadata[attempt]": reference,
            },
        )
        payment: dict[str, Any] = answer.raise_for_status().json()
        return payment


def gateway_from_environment() -> Gateway:
    return Gateway(os.environ["STRIPE_URL"], os.environ["STRIPE_SECRET_KEY"])


def create_app() -> FastAPI:
    app = FastAPI()
    gateway = gateway_from_environment()

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/checkouts", status_code=201)
    async def create(request: Request) -> JSONResponse:
        checkout_id = str(ULID()).lower()
        payment = await gateway.charge(f"att_{checkout_id}_1", request)
        status = "succeeded" if payment["status"] == "succeeded" else "failed"
        return JSONResponse({"id": f"co_{checkout_id}", "status": status, "amount": request.amount}, 201)

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False
    )
