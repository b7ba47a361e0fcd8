"""Finding payments again: lists at once, searches after a moment."""

import time

import httpx
import pytest

from tests.sandbox.wire import error, eventually, intent, session

INTENTS = "/v1/payment_intents"


async def test_a_list_shows_a_new_payment_at_once_and_pages_through_older_ones(
    stripe: httpx.AsyncClient, reference: str
) -> None:
    account = {"Authorization": "Bearer sk_test_sandbox_stripe-paging"}
    start = int(time.time())
    made = [
        (await stripe.post(INTENTS, data=intent(f"{reference}-{number}"), headers=account)).json()["id"]
        for number in range(3)
    ]
    params = {"limit": "2", "created[gte]": str(start - 1)}
    first = (await stripe.get(INTENTS, params=params, headers=account)).json()
    assert ([item["id"] for item in first["data"]], first["has_more"]) == ([made[2], made[1]], True)
    after = {**params, "starting_after": made[1]}
    rest = (await stripe.get(INTENTS, params=after, headers=account)).json()
    assert ([item["id"] for item in rest["data"]], rest["has_more"]) == ([made[0]], False)
    before = (await stripe.get(INTENTS, params={"ending_before": made[0]}, headers=account)).json()
    assert [item["id"] for item in before["data"]] == [made[2], made[1]]
    later = (await stripe.get(INTENTS, params={"created[gt]": str(start + 60)}, headers=account)).json()
    assert later["data"] == []


async def test_a_search_is_eventually_consistent(stripe: httpx.AsyncClient, reference: str) -> None:
    made = (await stripe.post(INTENTS, data=intent(reference))).json()
    params = {"query": f'metadata["attempt"]:"{reference}" AND status:"succeeded"'}
    early = (await stripe.get(f"{INTENTS}/search", params=params)).json()
    assert (early["object"], early["data"]) == ("search_result", [])

    async def found() -> list[str]:
        answer = await stripe.get(f"{INTENTS}/search", params=params)
        return [item["id"] for item in answer.json()["data"]]

    await eventually(found, lambda ids: ids == [made["id"]])
    none = {"query": f'metadata["attempt"]:"{reference}" AND -status:"succeeded"'}
    assert (await stripe.get(f"{INTENTS}/search", params=none)).json()["data"] == []


@pytest.mark.parametrize("query", ["", "nonsense", 'unicorns:"1"', 'status:"a" AND status:"b" OR amount>1'])
async def test_a_query_that_makes_no_sense_is_refused(stripe: httpx.AsyncClient, query: str) -> None:
    answer = await stripe.get(f"{INTENTS}/search", params={"query": query})
    assert (answer.status_code, error(answer)["param"]) == (400, "query")


async def test_unknown_ids_and_parameters_are_refused(stripe: httpx.AsyncClient) -> None:
    gone = await stripe.get(f"{INTENTS}/pi_nobody")
    assert (gone.status_code, error(gone)["code"]) == (404, "resource_missing")
    assert error(gone)["message"] == "No such payment_intent: 'pi_nobody'"
    assert error(await stripe.get(INTENTS, params={"surprise": "1"}))["code"] == "parameter_unknown"
    assert error(await stripe.get(INTENTS, params={"limit": "101"}))["param"] == "limit"


async def test_sessions_charges_and_events_can_be_found_by_payment(
    stripe: httpx.AsyncClient, reference: str
) -> None:
    paid = (await stripe.post(INTENTS, data=intent(reference))).json()
    charges = (await stripe.get("/v1/charges", params={"payment_intent": paid["id"]})).json()["data"]
    assert [charge["id"] for charge in charges] == [paid["latest_charge"]]
    assert (await stripe.get(f"/v1/charges/{paid['latest_charge']}")).json()["payment_intent"] == paid["id"]
    events = (await stripe.get("/v1/events", params={"type": "payment_intent.succeeded"})).json()["data"]
    assert events[0]["data"]["object"]["id"] == paid["id"]
    assert (await stripe.get(f"/v1/events/{events[0]['id']}")).json() == events[0]
    made = (await stripe.post("/v1/checkout/sessions", data=session(reference))).json()
    listed = (await stripe.get("/v1/checkout/sessions", params={"status": "open"})).json()["data"]
    assert listed[0]["id"] == made["id"]
    none = await stripe.get("/v1/checkout/sessions", params={"payment_intent": paid["id"]})
    assert none.json()["data"] == []
