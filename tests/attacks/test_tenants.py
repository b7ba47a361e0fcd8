"""What is another merchant's does not exist, on every operation that names something."""

from devstack.stack import Stack
from tests.attacks.operations import NOBODYS, Operation, operations
from tests.e2e.requests import card, challenged
from tests.live import Shop, new_key, open_shop


async def ask(shop: Shop, each: Operation, ids: dict[str, str]) -> tuple[int, str, str]:
    answer = await shop.http.request(each.method, each.url(**ids), headers={"Idempotency-Key": new_key()})
    document = answer.json()
    return answer.status_code, document.get("code", ""), document.get("detail", "")


async def test_what_is_anothers_does_not_exist(stack: Stack, shop: Shop) -> None:
    paid = await shop.check_out(card())
    waiting = await shop.check_out(challenged())
    made = await shop.http.post(
        f"/v1/checkouts/{paid['id']}/refunds", json={"amount": 100}, headers={"Idempotency-Key": new_key()}
    )
    refund = made.raise_for_status().json()
    nobodys = {"checkout_id": f"co_{NOBODYS}", "refund_id": f"re_{NOBODYS}"}
    before = [await shop.get(paid["id"]), await shop.get(waiting["id"])]
    tried = 0
    async with open_shop(stack) as stranger:
        for each in await operations(shop.http):
            if not each.merchants or "{" not in each.path:
                continue
            tried += 1
            unknown = await ask(stranger, each, nobodys)
            assert unknown[:2] == (404, "not_found"), str(each)
            for checkout in (paid, waiting):
                ids = {"checkout_id": checkout["id"], "refund_id": refund["id"]}
                assert await ask(stranger, each, ids) == unknown, str(each)
        for listing in ("/v1/checkouts", f"/v1/checkouts?reference={paid['reference'] or 'x'}"):
            assert (await stranger.http.get(listing)).json()["data"] == []
    assert tried >= 6
    assert [await shop.get(paid["id"]), await shop.get(waiting["id"])] == before


async def test_a_key_of_anothers_checkout_is_free(stack: Stack, shop: Shop) -> None:
    """Idempotency keys belong to a merchant: the same one elsewhere is another checkout."""
    key = new_key()
    first = await shop.check_out(card(), key=key)
    async with open_shop(stack) as stranger:
        second = await stranger.check_out(card(), key=key)
    assert first["id"] != second["id"]
