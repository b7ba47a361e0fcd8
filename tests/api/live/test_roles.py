"""Who may do what, over every call that the description lists: a new one is held to it from its first day."""

import re

import httpx
import pytest

from devstack.stack import Stack
from domain.operator import Role
from tests.desk import Json, browser, new_person, sign_in
from tests.live import open_office

OPEN = {("post", "/v1/admin/sign-in"), ("post", "/v1/admin/sign-out")}
"""What needs nobody."""
LOOKING = {
    ("post", "/v1/admin/routing/policy/validate"),
    ("post", "/v1/admin/routing/simulate"),
}
"""What takes a body and changes nothing."""
ADMINS_ALONE = ("/v1/admin/operators", "/v1/admin/routing/", "/v1/admin/audit", "/v1/admin/customers/")
"""Where an operator changes nothing, and does not read the first and the third."""
EXAMPLES = {
    "checkout_id": f"co_{'0' * 26}",
    "operator_id": f"op_{'0' * 26}",
    "alert_id": f"alr_{'0' * 26}",
    "notification_id": f"evt_{'0' * 26}",
    "kind": "charges",
    "account": "stripe",
    "version": "1",
}


async def operations(at: httpx.AsyncClient) -> list[tuple[str, str]]:
    described: Json = (await at.get("/openapi.json")).json()
    return [
        (method, path)
        for path, methods in described["paths"].items()
        for method in methods
        if path.startswith("/v1/admin/") and (method, path) not in OPEN
    ]


def address(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda name: EXAMPLES.get(name[1], f"x_{'0' * 26}"), path)


async def ask(at: httpx.AsyncClient, method: str, path: str) -> int:
    """The status; of a stream its head alone."""
    async with at.stream(method.upper(), address(path)) as answer:
        return answer.status_code


async def test_without_an_identity_nothing_answers(stack: Stack) -> None:
    async with browser(stack) as anybody:
        listed = await operations(anybody)
        assert len(listed) > 25
        statuses = {(method, path): await ask(anybody, method, path) for method, path in listed}
    assert set(statuses.values()) == {401}, statuses


@pytest.mark.parametrize("signed_in", [False, True], ids=["token", "signed in"])
async def test_a_viewer_changes_nothing_and_reads_all_but_the_operators(
    stack: Stack, *, signed_in: bool
) -> None:
    async with open_office(stack, Role.VIEWER) as office, browser(stack) as at:
        if signed_in:
            await sign_in(at, await new_person(stack, Role.VIEWER))
        viewer = at if signed_in else office
        for method, path in await operations(viewer):
            status = await ask(viewer, method, path)
            if method == "get" and path not in ADMINS_ALONE:
                assert status in (200, 404, 422), (path, status)  # 422: a question is missing
            elif (method, path) not in LOOKING:
                assert status == 403, (method, path, status)


async def test_an_operator_administers_nothing(stack: Stack) -> None:
    """Of the calls for administrators each refuses; the others find what they were sent wanting."""
    async with open_office(stack, Role.OPERATOR) as office:
        statuses = {
            (method, path): await ask(office, method, path)
            for method, path in await operations(office)
            if method != "get"
        }
    refused = {path for (_, path), status in statuses.items() if status == 403}
    assert {path for path in refused if not path.startswith(ADMINS_ALONE)} == set()
    assert {path for _, path in statuses if "/operators" in path} <= refused
    assert not set(statuses.values()) & {200, 401}, statuses
