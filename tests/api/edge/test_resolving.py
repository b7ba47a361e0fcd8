"""A question about a route is read as the framework would read it, in a fraction of the time."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import TypeAdapter

from api.auth import Key, bearer_key
from api.error_handlers import install
from api.errors import Problem
from api.resolving import Question, question_of
from api.schemas_answers import RoutingView
from api.views import routing_json, routing_view
from domain.checkout import MethodType
from domain.route import (
    Country,
    CountrySource,
    DecisionInputs,
    ExcludedAccount,
    Exclusion,
    HealthNote,
    PlannedAccount,
    RoutePlan,
)

QUERIES = [
    "currency=USD",
    "currency=USD&amount=12500&method=hosted&country=NG&ip=41.58.0.1&bin=539983&network=MTN",
    "currency=NGN&gateway=stripe-eu&capture_method=manual&checkout=co_01jdk2m3xv8q4w7y9z0a1b2c3d",
    "currency=USD&metadata=cart%3D42&metadata=shop=a",
    "currency=USD&metadata=",
    "currency=USD&currency=NGN",
    "currency=usd&currency=NGN",
    "currency=NGN&currency=usd",
    "currency=USD&amount=1e3",
    "currency=USD&amount=+5",
    "currency=USD&amount=%205%20",
    "currency=USD&amount=1_000",
    "currency=USD&amount=",
    "currency=USD&amount=0&bin=1&ip=x&country=UK&method=cash&gateway=A&network=%00&checkout=co_1",
    "currency=USD&country=",
    "currency=USD&ip=2c0f%3Af248%3A%3A1",
    "currency=USD&unknown=1",
    "currency=%FF",
    "currency=%F0%9F%92%B0",
    "",
    "&&&",
    "currency",
    "=USD",
    "currency=USD;amount=5",
    f"currency=USD&metadata={'x' * 542}",
    "currency=USD&" + "&".join(["metadata=a=b"] * 51),
]


KEYS: list[list[bytes]] = [
    [],
    [b""],
    [b"Bearer"],
    [b"Bearer "],
    [b"Bearer   "],
    [b"Bearer key"],
    [b"bearer key"],
    [b"BEARER  key "],
    [b"Bearer key with spaces"],
    [b"Bearer k\xe9y"],
    [b"Bearer\tkey"],
    [b" Bearer key"],
    [b"Basic key"],
    [b"key"],
    [b"Bearer " + b"x" * 100],
    [b"Bearer " + b"x" * 101],
    [b"Bearer key", b"Bearer key"],
    [b"", b"Bearer key"],
]

NOTHING = RoutePlan(
    country=Country(code=None, source=CountrySource.DEFAULT), policy_version=1, plan=(), excluded=()
)
EVERYTHING = RoutePlan(
    country=Country(
        code="NG", source=CountrySource.IP, by_bin="US", by_ip="NG", by_billing="GB", disagreement=True
    ),
    policy_version=7,
    plan=(
        PlannedAccount(
            gateway="stripe",
            account="stripe-eu",
            reason='rule:a-"quoted"-one',
            method=MethodType.CARD,
            health=HealthNote.PROBE,
            detail="91.0% expected, 40 recent attempts of card/NGN",
        ),
        PlannedAccount(gateway="adyen", account="adyen", reason="default", method=MethodType.HOSTED),
    ),
    excluded=(ExcludedAccount(gateway="paystack", account="paystack", reason=Exclusion.CIRCUIT_OPEN),),
    blocked_by="über",
    inputs=DecisionInputs(network="visa"),
)


@pytest.fixture
def framework() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def read(question: Annotated[Question, Query()]) -> dict[str, Any]:
        return question.model_dump(mode="json")

    @app.get("/key")
    async def claimed(key: Key) -> str:
        return key

    install(app)
    return app


def read(query: bytes) -> tuple[int, Any]:
    """Status, and what was understood or what is wrong."""
    try:
        return 200, question_of(query).model_dump(mode="json")
    except Problem as problem:
        return problem.status, [each.model_dump() for each in problem.errors]


@pytest.mark.parametrize("query", QUERIES)
async def test_a_question_is_read_as_the_framework_reads_it(framework: FastAPI, query: str) -> None:
    transport = httpx.ASGITransport(framework)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        answer = await http.get(f"/?{query}")
    told = answer.json() if answer.is_success else answer.json()["errors"]
    assert read(answer.request.url.query) == (answer.status_code, told)


@pytest.mark.parametrize("values", KEYS)
async def test_a_key_is_read_as_the_framework_reads_it(framework: FastAPI, values: list[bytes]) -> None:
    headers = [(b"authorization", value) for value in values]
    transport = httpx.ASGITransport(framework)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        answer = await http.get("/key", headers=headers)
    try:
        told: tuple[int, Any] = 200, bearer_key({"type": "http", "headers": headers})
    except Problem as problem:
        told = problem.status, None
    assert told == (answer.status_code, answer.json() if answer.is_success else None)


@pytest.mark.parametrize("route", [NOTHING, EVERYTHING])
@pytest.mark.parametrize("card_bin", [None, "424242"])
def test_the_explanation_is_written_as_its_schema_says(route: RoutePlan, card_bin: str | None) -> None:
    written = routing_json(route, card_bin)
    assert written.decode() == routing_view(route, card_bin).model_dump_json()
    assert TypeAdapter(RoutingView).validate_json(written) == routing_view(route, card_bin)
