"""I23: what must not be kept is looked for, byte for byte, in all that the running product has written.

Card numbers and security codes must be nowhere; personal data not in Temporal's file, the logs or the
database's files, where it is sealed. The same search finds each of them where it was planted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from temporalio.client import Client

from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.e2e.requests import card
from tests.live import Shop, new_key

NUMBER: Final = "4929138756109243"
"""Passes Luhn in a range of Visa's, and stands in no other test."""
SPACED: Final = "4929 1387 5610 9243"
CVV: Final = "cvv-canary-8714"
CARD_DATA: Final = (NUMBER, SPACED, CVV)

PERSON: Final[Mapping[str, str]] = {
    "email": "zwetschge.canary@example.org",
    "name": "Zwetschgenmus Kanarienvogel",
    "phone": "+256772419385",
    "ip": "41.210.141.77",
    "country": "UG",
}
PERSONAL: Final = ("zwetschge.canary", "Zwetschgenmus", "Kanarienvogel", "772419385", "41.210.141.77")


async def hits(stack: Stack, words: Sequence[str]) -> dict[str, list[str]]:
    """place -> the words that stand in its files."""
    places = {
        "database": [stack.data_dir / "postgres"],
        "temporal": sorted(stack.data_dir.glob("temporal.db*")),
        "logs": [stack.logs],
    }
    return await asyncio.to_thread(
        lambda: {place: _found(paths, [word.encode() for word in words]) for place, paths in places.items()}
    )


def _found(paths: Sequence[Path], words: Sequence[bytes]) -> list[str]:
    files = [
        file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()
    ]
    assert files, paths
    texts = (_read(file) for file in files)
    return sorted({word.decode() for text in texts for word in words if word in text})


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # the server has removed it since
        return b""


def everywhere(
    base: dict[str, Any], value: str
) -> list[tuple[dict[str, Any], dict[str, str], dict[str, str]]]:
    """(body, headers, query): requests that have the value in every place there is."""
    return [
        ({**base, "reference": value}, {}, {}),
        ({**base, "metadata": {"note": value}}, {}, {}),
        ({**base, "metadata": {value: "note"}}, {}, {}),
        ({**base, "customer": {**PERSON, "name": value}}, {}, {}),
        ({**base, "customer": {**PERSON, "email": f"{value.replace(' ', '')}@example.org"}}, {}, {}),
        ({**base, "payment_method": {"type": "card", "tokens": {"stripe": value}}}, {}, {}),
        ({**base, "payment_method": {"type": "card", "number": value, "cvv": CVV}}, {}, {}),
        ({**base, "cvc": CVV}, {}, {}),
        ({**base, "return_url": f"https://shop.example/{value.replace(' ', '')}"}, {}, {}),
        (base, {"Idempotency-Key": value}, {}),
        (base, {"X-Note": value}, {}),
        (base, {"User-Agent": value}, {}),
        (base, {}, {"note": value}),
    ]


async def test_card_numbers_are_kept_nowhere_and_persons_are_sealed(
    stack: Stack, shop: Shop, sandbox: SandboxClient, database: asyncpg.Connection, temporal: Client
) -> None:
    answers: list[httpx.Response] = []
    for value in (NUMBER, SPACED):
        for body, headers, query in everywhere(card(), value):
            sent = {"Idempotency-Key": new_key(), **headers}
            answers.append(await shop.http.post("/v1/checkouts", json=body, headers=sent, params=query))
            assert answers[-1].json()["code"] == "card_data_refused", (body, headers, query)
    answers.append(await shop.http.get(f"/v1/checkouts/{NUMBER}"))
    answers.append(await shop.http.post(f"/webhooks/{NUMBER}", content=NUMBER.encode()))
    assert not any(word in answer.text for answer in answers for word in CARD_DATA)

    paid = await shop.check_out(card(customer=dict(PERSON)), wait=10)
    assert paid["status"] == "succeeded"
    assert paid["customer"]["email"] == PERSON["email"]
    momo = {"type": "mobile_money", "network": "MTN", "phone": PERSON["phone"]}
    prompted = {"amount": 5000, "currency": "UGX", "customer": dict(PERSON), "payment_method": momo}
    await shop.check_out(prompted, wait=10)
    hosted = {"amount": 5000, "currency": "USD", "customer": dict(PERSON)}
    waiting = await shop.check_out(hosted, wait=10)
    (
        await shop.http.post(f"/v1/checkouts/{waiting['id']}/cancel", json={"reason": "changed"})
    ).raise_for_status()
    await sandbox.fault("stripe", "charge", "error_after", count=1)
    await sandbox.fault("stripe", "lookup", "malformed", count=2)
    unclear = await shop.check_out(card(customer=dict(PERSON)))
    await shop.until(unclear["id"])
    refund = await shop.http.post(
        f"/v1/checkouts/{paid['id']}/refunds", json={}, headers={"Idempotency-Key": new_key()}
    )
    assert refund.is_success, refund.text

    await database.execute("CHECKPOINT")
    nowhere: dict[str, list[str]] = {"database": [], "temporal": [], "logs": []}
    assert await hits(stack, (*CARD_DATA, *PERSONAL)) == nowhere

    await database.execute("CREATE TABLE planted AS SELECT $1::text AS text", f"{NUMBER} {PERSON['name']}")
    await database.execute("CHECKPOINT")
    run = await temporal.start_workflow(
        "planted", f"{NUMBER} {PERSON['name']}", id="planted", task_queue="nobody"
    )
    (stack.logs / "planted.log").write_text(f"{NUMBER} {PERSON['name']}\n")
    try:
        found = await hits(stack, (*CARD_DATA, *PERSONAL))
        assert found == {place: [NUMBER, "Kanarienvogel", "Zwetschgenmus"] for place in nowhere}
    finally:
        await run.terminate()
        (stack.logs / "planted.log").unlink()
        await database.execute("DROP TABLE planted")
