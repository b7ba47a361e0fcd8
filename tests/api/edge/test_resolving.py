"""A question about a route is read as the framework would read it, in a fraction of the time."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query

from api.error_handlers import install
from api.errors import Problem
from api.resolving import Question, question_of

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


@pytest.fixture
def framework() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def read(question: Annotated[Question, Query()]) -> dict[str, Any]:
        return question.model_dump(mode="json")

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
