"""Who passes at `/v1/admin/`: operators by their token, and nobody else."""

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.operator import Role
from tests.live import Shop, open_office


@pytest.mark.parametrize("role", Role)
async def test_an_operator_is_known_by_its_token(stack: Stack, role: Role) -> None:
    async with open_office(stack, role) as office:
        answer = await office.get("/v1/admin/me")
        assert (answer.status_code, answer.json()["role"]) == (200, role)


async def test_every_wrong_way_is_answered_alike(
    stack: Stack, shop: Shop, database: asyncpg.Connection
) -> None:
    async with open_office(stack, Role.ADMIN) as office:
        token = office.headers["Authorization"].removeprefix("Bearer ")
        merchants_key = shop.http.headers["Authorization"]
        wrong: list[list[tuple[str, str]]] = [
            [],
            [("Authorization", merchants_key)],
            [("Authorization", "Bearer")],
            [("Authorization", token)],
            [("Authorization", f"Basic {token}")],
            [("Authorization", f"Bearer {token}x")],
            [("Authorization", f"Bearer {token[:-1]}")],
            [("Authorization", f"Bearer {token}{'x' * 200}")],
            [("Authorization", "Bearer sp_op_")],
            [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")],
            [("Authorization", f"Bearer {token}"), ("Authorization", merchants_key)],
        ]
        async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as anybody:
            answers = [await anybody.get("/v1/admin/me", headers=headers) for headers in wrong]
            merchants_route = await anybody.get("/v1/checkouts", headers={"Authorization": f"Bearer {token}"})
        assert [answer.status_code for answer in answers] == [401] * len(wrong)
        assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
        assert len({answer.json()["detail"] for answer in answers}) == 1
        assert merchants_route.status_code == 401

        operator = (await office.get("/v1/admin/me")).json()["id"]
        await database.execute("UPDATE operators SET disabled_at = now() WHERE id = $1", operator)
        assert (await office.get("/v1/admin/me")).status_code == 401
        await database.execute("UPDATE operators SET disabled_at = NULL WHERE id = $1", operator)
        used = "SELECT last_used_at IS NOT NULL FROM operator_tokens WHERE operator_id = $1"
        assert await database.fetchval(used, operator) is True
        await database.execute(
            "UPDATE operator_tokens SET revoked_at = now() WHERE operator_id = $1", operator
        )
        assert (await office.get("/v1/admin/me")).status_code == 401
