"""The audit log of the running product: who may read it, and that it is sealed."""

import asyncio
import json

from devstack.settings import KEYS_FILE
from devstack.stack import Stack
from domain.operator import Role
from tests.api.live.test_admin import refused
from tests.e2e.requests import Json, card
from tests.live import Shop, eventually, open_office
from tests.operators.shell import Shell


async def test_the_audit_log_is_listed_by_admins_with_filters(stack: Stack, shop: Shop) -> None:
    checkout = await shop.check_out(card(), wait=10)
    async with open_office(stack, Role.ADMIN) as admin:
        me = (await admin.get("/v1/admin/me")).json()["id"]
        query: Json = {"checkout": checkout["id"], "limit": 3}
        first = (await admin.get("/v1/admin/audit", params=query)).raise_for_status().json()
        rest = (await admin.get("/v1/admin/audit", params=query | {"cursor": first["next_cursor"]})).json()
        told = [(each["action"], each["origin"]) for each in [*first["data"], *rest["data"]]]
        assert told == [
            ("checkout.succeeded", "smartpay worker"),
            ("attempt.captured", "smartpay worker"),
            ("attempt.started", "smartpay worker"),
            ("checkout.processing", "smartpay api"),
        ]
        [signed_in] = (await admin.get("/v1/admin/audit", params={"actor": me})).json()["data"]
        assert (signed_in["action"], signed_in["origin"]) == ("operator.signed_in", "api 127.0.0.1")
        async with open_office(stack, Role.OPERATOR) as office:
            await refused(await office.get("/v1/admin/audit"), 403, "forbidden")
        forged = await admin.get("/v1/admin/me", headers={"Authorization": f"Bearer sp_op_{'x' * 40}"})
        await refused(forged, 401, "unauthorized")
        query = {"action": "operator.refused", "limit": 1}
        [turned_away] = (await admin.get("/v1/admin/audit", params=query)).json()["data"]
        assert (turned_away["subject"], turned_away["result"]) == ("GET /v1/admin/audit", "refused")
        [bad] = (await admin.get("/v1/admin/audit", params={"subject": "sp_op_xxxxxx"})).json()["data"]
        assert (bad["action"], bad["origin"]) == ("operator.sign_in_refused", "api 127.0.0.1")
        naive = await admin.get("/v1/admin/audit", params={"since": "2026-01-01T00:00:00"})
        await refused(naive, 422, "invalid_request")
        late = {"since": "2999-01-01T00:00:00Z"}
        assert (await admin.get("/v1/admin/audit", params=late)).json()["data"] == []


async def test_what_the_running_product_wrote_is_sealed(stack: Stack, shop: Shop) -> None:
    await shop.check_out(card(), wait=10)
    keys = (stack.data_dir / KEYS_FILE).read_text()
    shell = Shell(stack.database_url, ENCRYPTION_KEYS=keys)

    async def sealed() -> bool:
        printed = await asyncio.to_thread(shell, "audit", "verify")
        lines = (await asyncio.to_thread(shell, "audit", "export")).splitlines()
        return "not configured" not in printed and json.loads(lines[-1])["seal"] is not None

    await eventually("everything is sealed", sealed)
