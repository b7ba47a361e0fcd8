import httpx
import pytest
from fastapi import HTTPException
from structlog.testing import capture_logs

from api.error_handlers import ResponseCutShort
from api.errors import PROBLEM_JSON, Overloaded, problem_kinds, problem_responses
from tests.api.edge.toy import CANARY, assert_problem, client, toy_app


async def test_a_problem_becomes_its_document(api: httpx.AsyncClient) -> None:
    problem = assert_problem(await api.get("/v1/refused/paid"), 409, "already_paid")
    assert set(problem) == {"type", "title", "status", "code", "detail"}


async def test_retry_after_is_whole_seconds_rounded_up(api: httpx.AsyncClient) -> None:
    response = await api.get("/v1/refused/down")
    assert_problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "3"
    assert Overloaded(retry_after=0).headers == {"Retry-After": "1"}


@pytest.mark.parametrize("path", ["/", f"/v1/{CANARY}", "/v1/checkouts/", "/V1/checkouts"])
async def test_unknown_paths(api: httpx.AsyncClient, path: str) -> None:
    assert_problem(await api.get(path), 404, "not_found")


async def test_other_methods(api: httpx.AsyncClient) -> None:
    response = await api.request("DELETE", "/v1/numbered/1")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


async def test_bad_parameters(api: httpx.AsyncClient) -> None:
    response = await api.get("/v1/checkouts", params={"limit": CANARY})
    assert_problem(response, 422, "invalid_request", path="query:limit", fault="wrong_type")
    assert_problem(await api.get(f"/v1/numbered/{CANARY}"), 404, "not_found")


async def test_a_crash_says_nothing_and_logs_no_contents(api: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        response = await api.get("/v1/crash", params={"x": CANARY}, headers={"X-Canary": CANARY})
    assert_problem(response, 500, "internal_error")
    assert [entry["event"] for entry in logs] == ["request.failed"]
    assert logs[0]["errors"] == ["builtins.RuntimeError", "builtins.ValueError"]
    assert logs[0]["route"] == "/v1/crash"
    assert any("toy.py" in frame for frame in logs[0]["frames"])
    assert CANARY not in str(logs)


async def test_a_crash_midway_cuts_the_connection(api: httpx.AsyncClient) -> None:
    with capture_logs() as logs, pytest.raises(ResponseCutShort) as cut:
        await api.get("/v1/crash-midway")
    assert cut.value.__cause__ is None
    assert CANARY not in f"{cut.value}{logs}"


@pytest.mark.parametrize(
    ("status", "code"), [(418, "malformed_request"), (401, "unauthorized"), (504, "internal_error")]
)
async def test_the_frameworks_own_exceptions_lose_their_text(status: int, code: str) -> None:
    app = toy_app()

    @app.get("/raises")
    async def raises() -> None:
        raise HTTPException(status, CANARY)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://testserver") as api:
        response = await api.get("/raises")
    assert response.json()["code"] == code
    assert CANARY not in response.text


async def test_the_request_id_is_told_where_there_is_one() -> None:
    app = toy_app()

    async def with_id(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # a bare ASGI application
        scope.setdefault("state", {})["request_id"] = "req-1"
        await app(scope, receive, send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=with_id), base_url="http://testserver"
    ) as api:
        for path in ("/nowhere", "/v1/crash", "/v1/checkouts?cvv=1"):
            assert (await api.get(path)).json()["request_id"] == "req-1"


def test_every_problem_has_a_code_of_its_own_and_says_something() -> None:
    kinds = problem_kinds()
    assert {"malformed_request", "card_data_refused", "idempotency_key_reused", "overloaded"} <= set(kinds)
    for code, kind in kinds.items():
        document = kind().document("req-1")
        assert document.code == code
        assert kind.type_uri().endswith(f"#{code}")
        assert document.title != "The request failed"
        assert document.detail != "The request failed."


async def test_openapi_documents_problems_as_they_are_sent() -> None:
    async with client() as api:
        schema = (await api.get("/openapi.json")).json()
    components = schema["components"]["schemas"]
    assert {"ProblemDocument", "FieldError", "CheckoutRequest"} <= set(components)
    assert "HTTPValidationError" not in str(schema)
    reference = {"$ref": "#/components/schemas/ProblemDocument"}
    create = schema["paths"]["/v1/checkouts"]["post"]["responses"]["422"]["content"]
    assert set(create) == {PROBLEM_JSON}
    assert create[PROBLEM_JSON]["schema"] == reference
    assert set(create[PROBLEM_JSON]["examples"]) == {"invalid_request", "card_data_refused"}
    search = schema["paths"]["/v1/checkouts"]["get"]["responses"]["422"]["content"]
    assert search.keys() == {PROBLEM_JSON}
    assert search[PROBLEM_JSON]["schema"] == reference
    assert set(search[PROBLEM_JSON]["examples"]) == {"invalid_request", "card_data_refused"}
    parameters = {item["name"] for item in schema["paths"]["/v1/checkouts"]["post"]["parameters"]}
    assert parameters == {"idempotency-key", "prefer"}
    for name, field in components["CheckoutRequest"]["properties"].items():
        assert field.get("description"), name


def test_responses_are_grouped_by_status() -> None:
    kinds = problem_kinds()
    responses = problem_responses(kinds["already_paid"], kinds["in_progress"], kinds["not_found"])
    assert set(responses) == {404, 409}
    assert set(responses[409]["content"][PROBLEM_JSON]["examples"]) == {"already_paid", "in_progress"}
