"""Address and headers are searched as a document is, although most of them are not searched again."""

from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api import envelope
from api.envelope import card_data_in, query_pairs
from domain.card_numbers import find_card_data, pairs_hold_card_data
from tests.api.edge.toy import assert_problem

VISA = "4242424242424242"

names = st.sampled_from(("bin", "cvv", "PAN", "ip", "a")) | st.text(max_size=8)
texts = st.sampled_from((VISA, "424242", "4242 4242 4242 4242", "123456789", "")) | st.text(max_size=24)


def scope(*headers: tuple[str, str], query: str = "") -> dict[str, object]:
    return {
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }


@given(st.text(alphabet="ab=&;%+ 41é", max_size=30))
@example("&&a=&=b&c&d=e=f&&")
def test_a_query_is_read_as_the_standard_library_reads_it(query: str) -> None:
    assert query_pairs(query) == parse_qsl(query, keep_blank_values=True)


@given(st.lists(st.tuples(names, texts), max_size=5))
def test_a_query_is_searched_as_a_document_is(pairs: list[tuple[str, str]]) -> None:
    found = find_card_data([{name: text} for name, text in pairs]) is not None
    assert pairs_hold_card_data(pairs) is found


async def test_a_card_number_is_refused_every_time(api: httpx.AsyncClient) -> None:
    for text, refused in ((f"order {VISA}", True), ("order 1001, as before", False)) * 3:
        answer = await api.get("/v1/checkouts", headers={"X-Note": text})
        if refused:
            assert_problem(answer, 422, "card_data_refused")
        else:
            assert answer.status_code == 200


def test_what_was_searched_is_forgotten_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "_MOST", 10)
    for number in range(50):
        assert card_data_in(scope(("x-note", f"order number {number}")), "/v1/checkouts") is None
        assert len(envelope._searched) <= 10
    assert card_data_in(scope(("x-note", VISA)), "/v1/checkouts") == "header:x-note"
    assert card_data_in(scope(query=f"a={VISA}"), "/v1/checkouts") == "query"
    assert card_data_in(scope(), f"/v1/checkouts/{VISA}") == "url"
