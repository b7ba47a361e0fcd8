"""Health, readiness, the API's own description, and refusing to start on a wrong configuration."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi.openapi.models import OpenAPI

from devstack.ports import Ports
from devstack.programs import ROOT
from devstack.settings import product_environment
from devstack.stack import Stack
from tests.e2e.requests import Json
from tests.live import Shop, eventually
from tests.patience import PATIENCE

OPERATIONS = {
    ("post", "/v1/checkouts"),
    ("get", "/v1/checkouts"),
    ("get", "/v1/checkouts/{checkout_id}"),
    ("post", "/v1/checkouts/{checkout_id}/cancel"),
    ("post", "/v1/checkouts/{checkout_id}/capture"),
    ("post", "/v1/checkouts/{checkout_id}/refunds"),
    ("get", "/v1/checkouts/{checkout_id}/refunds"),
    ("get", "/v1/refunds/{refund_id}"),
    ("get", "/v1/routing/resolve"),
    ("get", "/v1/admin/routing/resolve"),
    ("get", "/v1/admin/routing/policy"),
    ("put", "/v1/admin/routing/policy"),
    ("post", "/v1/admin/routing/policy/validate"),
    ("get", "/v1/admin/routing/policy/versions"),
    ("get", "/v1/admin/routing/policy/versions/{version}"),
    ("post", "/v1/admin/routing/policy/rollback"),
    ("post", "/v1/admin/routing/simulate"),
    ("post", "/v1/admin/sign-in"),
    ("post", "/v1/admin/sign-out"),
    ("get", "/v1/admin/me"),
    ("get", "/v1/admin/operators"),
    ("post", "/v1/admin/operators"),
    ("put", "/v1/admin/operators/{operator_id}/role"),
    ("post", "/v1/admin/operators/{operator_id}/disable"),
    ("post", "/v1/admin/operators/{operator_id}/credentials"),
    ("post", "/v1/admin/operators/{operator_id}/unlock"),
    ("get", "/v1/admin/overview"),
    ("get", "/v1/admin/gateways"),
    ("get", "/v1/admin/checkouts"),
    ("get", "/v1/admin/checkouts.csv"),
    ("get", "/v1/admin/stream"),
    ("get", "/v1/admin/checkouts/{checkout_id}"),
    ("post", "/v1/admin/checkouts/{checkout_id}/capture"),
    ("post", "/v1/admin/checkouts/{checkout_id}/cancel"),
    ("post", "/v1/admin/checkouts/{checkout_id}/refunds"),
    ("post", "/v1/admin/checkouts/{checkout_id}/next-gateway"),
    ("post", "/v1/admin/checkouts/{checkout_id}/notifications/{notification_id}/resend"),
    ("get", "/v1/admin/accounts"),
    ("put", "/v1/admin/accounts/{account}/mode"),
    ("get", "/v1/admin/switches"),
    ("put", "/v1/admin/switches/{kind}"),
    ("put", "/v1/admin/switches/{kind}/{account}"),
    ("post", "/v1/admin/checkouts/{checkout_id}/decide"),
    ("get", "/v1/admin/checkouts/{checkout_id}/screening"),
    ("get", "/v1/admin/lists"),
    ("post", "/v1/admin/lists"),
    ("delete", "/v1/admin/lists/{entry_id}"),
    ("get", "/v1/admin/audit"),
    ("post", "/v1/admin/codec/decode"),
    ("post", "/v1/admin/customers/erase"),
    ("get", "/v1/admin/alerts"),
    ("get", "/v1/admin/errors"),
    ("post", "/v1/admin/alerts/{alert_id}/acknowledge"),
    ("post", "/webhooks/{account}"),
    ("get", "/healthz"),
    ("get", "/readyz"),
}


async def test_it_is_alive_ready_and_measured(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as anybody:
        assert (await anybody.get("/healthz")).json() == {"status": "ok"}
        ready = (await anybody.get("/readyz")).json()
        assert (ready["status"], ready["routing"]["fault"]) == ("ok", None)
        assert ready["routing"]["policy_version"] >= 1
        ages = {data["name"]: data["age_days"] for data in ready["routing"]["data"]}
        assert ages.keys() == {"bin", "geo"}
        assert min(ages.values()) >= 0
        metrics = await anybody.get("/metrics")
        assert "smartpay_card_data_refused_total" in metrics.text
        assert 'smartpay_routing_data_age_seconds{data="geo"}' in metrics.text
        for page in ("/docs", "/docs/problems", "/returned"):
            assert (await anybody.get(page)).status_code == 200


async def test_it_is_not_ready_on_an_old_schema(
    stack: Stack, shop: Shop, database: asyncpg.Connection
) -> None:
    head = await database.fetchval("SELECT version_num FROM alembic_version")
    await database.execute("UPDATE alembic_version SET version_num = '0000'")
    try:
        answer = await shop.http.get("/readyz")
    finally:
        await database.execute("UPDATE alembic_version SET version_num = $1", head)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "migrations" in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert "retry-after" in answer.headers

    async def ready() -> bool:
        return (await shop.http.get("/readyz")).is_success

    await eventually("ready again", ready)


async def test_the_description_is_valid_and_every_refusal_is_typed_with_an_example(shop: Shop) -> None:
    described: Json = (await shop.http.get("/openapi.json")).json()
    OpenAPI.model_validate(described)
    assert described["openapi"].startswith("3.1")
    operations = {
        (method, path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert operations.keys() == OPERATIONS
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                content = answer["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/ProblemDocument"}, (name, status)
                codes = {example["value"]["code"] for example in content["examples"].values()}
                assert codes == content["examples"].keys(), (name, status)
    assert {"401", "409", "422", "429", "503"} - {"409"} <= operations["post", "/v1/checkouts"][
        "responses"
    ].keys()
    for reference in references(described):
        place: Json = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


async def test_the_example_of_the_description_is_a_checkout_that_works(shop: Shop) -> None:
    described: Json = (await shop.http.get("/openapi.json")).json()
    (example,) = described["components"]["schemas"]["CheckoutRequest"]["examples"]
    assert (await shop.check_out(example))["status"] == "succeeded"


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize("command", [("-m", "api"), ("worker.py",)], ids=["api", "worker"])
async def test_a_typo_in_the_country_map_refuses_the_start(
    stack: Stack, tmp_path: Path, command: tuple[str, ...]
) -> None:
    countries = tmp_path / "supportedCountries.json"
    countries.write_text(json.dumps({"UK": ["stripe"], "NG": ["fluterwave"], "DEFAULT": ["stripe"]}))
    environment = product_environment(
        ports=Ports.free(),
        data_dir=stack.data_dir,
        database_url=stack.database_url,
        gateway_urls={"stripe": "http://127.0.0.1:1", "flutterwave": "http://127.0.0.1:1"},
        overrides={"COUNTRIES_FILE": countries},
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    printed, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert printed == b""
    told = errors.decode()
    assert "does not start" in told
    assert "supportedCountries.json: UK: unknown country" in told
    assert "did you mean 'GB'?" in told
    assert "supportedCountries.json: NG[0]: unknown gateway 'fluterwave'; did you mean 'flutterwave'?" in told
    assert "Traceback" not in told
