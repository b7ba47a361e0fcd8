"""The smallest application behind the real edge: it answers what it understood of a checkout request."""

from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Request
from fastapi.responses import StreamingResponse

from api.error_handlers import install
from api.errors import AlreadyPaid, CardDataRefused, InvalidRequest, Problem, Unavailable, problem_responses
from api.json_guard import JsonGuard, Limits
from api.schemas import CaptureBody, CheckoutRequest
from api.schemas_headers import idempotency_key, prefer_wait

CANARY = "canary-zq7731"
"""Stands in every bad request; must stand in no answer."""
VALID: dict[str, Any] = {"amount": 12500, "currency": "NGN"}
KEY = {"Idempotency-Key": "k-1"}


def toy_app(limits: Limits | None = None) -> FastAPI:
    app = FastAPI(redirect_slashes=False)

    @app.post("/v1/checkouts", status_code=201, responses=problem_responses(InvalidRequest, CardDataRefused))
    async def create(
        body: CheckoutRequest,
        key: Annotated[str, Depends(idempotency_key)],
        wait: Annotated[float | None, Depends(prefer_wait)],
    ) -> dict[str, Any]:
        accepted = body.to_domain()
        return {
            "key": key,
            "wait": wait,
            "request": body.model_dump(mode="json"),
            "customer": accepted.customer.model_dump(),
            "payment_method": accepted.payment_method.model_dump(mode="json"),
            "return_url": accepted.return_url,
            "notification_url": accepted.notification_url,
        }

    @app.post("/v1/checkouts/{checkout_id}/capture")
    async def capture(checkout_id: str, body: CaptureBody | None = None) -> dict[str, Any]:
        return {"id": checkout_id, "amount": body.amount if body else None}

    @app.get("/v1/checkouts")
    async def search(limit: int = 10) -> dict[str, int]:
        return {"limit": limit}

    @app.get("/v1/numbered/{number}")
    async def numbered(number: int) -> int:
        return number

    @app.get("/v1/refused/{kind}")
    async def refused(kind: str) -> None:
        problems: dict[str, Problem] = {"paid": AlreadyPaid(), "down": Unavailable(retry_after=2.2)}
        raise problems[kind]

    @app.get("/v1/crash")
    async def crash() -> None:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(f"told of {CANARY}") from error

    @app.get("/v1/crash-midway")
    async def crash_midway() -> StreamingResponse:
        async def parts() -> Any:
            yield b"some"
            raise RuntimeError(CANARY)

        return StreamingResponse(parts())

    @app.post("/webhooks/{account}")
    async def webhook(account: str, request: Request) -> dict[str, Any]:
        return {"account": account, "body": (await request.body()).hex()}

    app.add_middleware(JsonGuard, limits=limits)
    install(app)
    return app


def client(limits: Limits | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=toy_app(limits)), base_url="http://testserver")


def assert_problem(response: httpx.Response, status: int, code: str, **field: str) -> dict[str, Any]:
    """The answer is this problem, repeats nothing, and (where given) blames this `path` with this `fault`."""
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"/docs/problems#{code}"
    assert problem["title"]
    assert problem["detail"]
    assert CANARY not in response.text
    if field:
        found = {(error["path"], error["code"]) for error in problem["errors"]}
        assert (field["path"], field["fault"]) in found, problem
    return problem
