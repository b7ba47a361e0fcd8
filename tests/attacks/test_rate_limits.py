"""No client uses up what all share: limits per key, per address and for forged webhooks."""

import asyncio

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.rate_limits import Limiter, network_of
from storage import operators
from tests.attacks.front import serving


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_holds_its_burst_and_fills_up_again() -> None:
    clock = Clock()
    limiter = Limiter(2, 5, clock=clock)
    assert [limiter.take("a") for _ in range(5)] == [0] * 5
    assert limiter.take("a") == pytest.approx(0.5)
    assert limiter.take("b") == 0, "another's bucket is full"
    clock.now += 0.5
    assert limiter.take("a") == 0
    assert limiter.take("a") == pytest.approx(0.5)
    clock.now += 1000
    assert [limiter.take("a") for _ in range(5)] == [0] * 5
    assert limiter.take("a") > 0


def test_asking_how_long_takes_nothing() -> None:
    limiter = Limiter(1, 1, clock=Clock())
    assert [limiter.wait("a") for _ in range(3)] == [0] * 3
    assert limiter.take("a") == 0
    assert limiter.wait("a") == pytest.approx(1)
    assert limiter.wait("a") == pytest.approx(1)


def test_memory_stays_bounded_and_the_busiest_is_not_forgotten() -> None:
    limiter = Limiter(1, 1, clock=Clock(), most=100)
    for number in range(10_000):
        limiter.take(f"address {number}")
        limiter.take("busy")
    assert limiter.take("address 9999") > 0
    assert limiter.take("address 1") == 0, "forgotten, and so full again"


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_in_no_stretch_of_time_more_passes_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(3, 4, clock=clock)
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        if limiter.take("a") == 0:
            passed.append(clock.now)
    for index, start in enumerate(passed):
        for number, end in enumerate(passed[index:], start=1):
            assert number <= 4 + 3 * (end - start) + 1e-6


def test_what_counts_as_one_client() -> None:
    assert network_of("203.0.113.9") == "203.0.113.9"
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::4") != network_of("2001:db8:1:2::4")
    assert network_of("unknown") == "unknown"


async def test_a_key_that_asks_too_often_is_told_when_and_others_are_served(database_url: str) -> None:
    async with serving(database_url, rate_limit_per_key=2) as front:
        busy, other = await front.holder("Busy"), await front.holder("Other")
        path = "/v1/routing/resolve?currency=USD"
        answers = await asyncio.gather(*(front.http.get(path, headers=busy.headers) for _ in range(12)))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 12 - 4 - 4
        assert {answer.status_code for answer in answers} == {200, 429}
        for answer in refused:
            assert answer.json()["code"] == "rate_limited"
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.headers["request-id"]
        assert (await front.http.get(path, headers=other.headers)).status_code == 200


async def test_an_address_that_asks_too_often_is_refused_before_anything_is_looked_up(
    database_url: str,
) -> None:
    proxy = ["127.0.0.1/32"]
    async with serving(database_url, rate_limit_per_address=2, trusted_proxies=proxy) as front:
        here = {"X-Forwarded-For": "203.0.113.9"}
        answers = [await front.http.get("/v1/checkouts", headers=here) for _ in range(12)]
        assert [answer.status_code for answer in answers[:4]] == [401] * 4
        assert 429 in {answer.status_code for answer in answers}
        for elsewhere in ("203.0.113.10", "2001:db8::1"):
            answer = await front.http.get("/v1/checkouts", headers={"X-Forwarded-For": elsewhere})
            assert answer.status_code == 401
        claimed = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        spoofed = [await front.http.get("/v1/checkouts", headers=claimed) for _ in range(8)]
        assert 429 in {answer.status_code for answer in spoofed}, "a claim to the left buys nothing"
        assert [(await front.http.get("/healthz", headers=here)).status_code for _ in range(9)] == [200] * 9


async def test_the_audit_log_has_the_clients_address_and_not_the_proxys(database_url: str) -> None:
    async with serving(database_url, trusted_proxies=["127.0.0.1/32"]) as front:
        sent = {"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer {operators.TOKEN_START}forged"}
        assert (await front.http.get("/v1/admin/me", headers=sent)).status_code == 401
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("SELECT origin, result FROM audit_log")
    await connection.close()
    assert row is not None
    assert tuple(row) == ("api 203.0.113.9", "refused")


async def test_a_claimed_address_buys_nothing_where_no_proxy_is_trusted(database_url: str) -> None:
    async with serving(database_url, rate_limit_per_address=2) as front:
        answers = [
            await front.http.get("/v1/checkouts", headers={"X-Forwarded-For": f"203.0.113.{number}"})
            for number in range(12)
        ]
        assert 429 in {answer.status_code for answer in answers}
