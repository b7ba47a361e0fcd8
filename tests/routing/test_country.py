import pytest

from domain.checkout import Customer, PaymentMethod
from domain.route import Country, CountrySource
from routing.country import BinTable, conclude, is_country
from routing.policy import Policy
from routing.request import RouteRequest
from routing.router import Router
from tests.routing.policy import accounts

USUAL = (CountrySource.BIN, CountrySource.IP, CountrySource.BILLING)
BINS = BinTable.of({"539983": "NG"})


class Addresses:
    def by_ip(self, text: str | None) -> str | None:
        return {"196.0.0.1": "UG"}.get(text or "")


def located(card_bin: str | None, ip: str | None, billing: str | None) -> Country:
    """By a router with the usual order of sources."""
    asked = Router(accounts(), Policy(default=("stripe",)), BINS, Addresses())
    return asked.facts(
        RouteRequest(
            amount=1,
            currency="USD",
            method=PaymentMethod(bin=card_bin),
            customer=Customer(ip=ip, country=billing),
        )
    ).country


@pytest.mark.parametrize(
    ("card_bin", "ip", "billing", "code", "source"),
    [
        ("539983", "196.0.0.1", "GB", "NG", CountrySource.BIN),
        ("53998399", None, None, "NG", CountrySource.BIN),
        ("400000", "196.0.0.1", "GB", "UG", CountrySource.IP),
        (None, "196.0.0.1", "GB", "UG", CountrySource.IP),
        (None, "10.0.0.1", "GB", "GB", CountrySource.BILLING),
        ("400000", "unknown", "GB", "GB", CountrySource.BILLING),
        (None, None, "UK", None, CountrySource.DEFAULT),
        (None, None, "gb", None, CountrySource.DEFAULT),
        (None, None, None, None, CountrySource.DEFAULT),
    ],
)
def test_the_bin_comes_before_the_address_and_the_address_before_the_billing_country(
    card_bin: str | None, ip: str | None, billing: str | None, code: str | None, source: CountrySource
) -> None:
    country = located(card_bin, ip, billing)
    assert (country.code, country.source) == (code, source)


def test_every_answer_is_kept() -> None:
    assert located("539983", "196.0.0.1", "GB") == Country(
        code="NG", source=CountrySource.BIN, by_bin="NG", by_ip="UG", by_billing="GB", disagreement=True
    )


@pytest.mark.parametrize(
    ("told", "disagreement"),
    [
        ((None, None, None), False),
        (("NG", None, None), False),
        (("NG", "NG", None), False),
        (("NG", "NG", "NG"), False),
        (("NG", "UG", None), True),
        ((None, "UG", "NG"), True),
        (("NG", "NG", "GB"), True),
    ],
)
def test_a_disagreement_is_recorded(
    told: tuple[str | None, str | None, str | None], disagreement: bool
) -> None:
    assert conclude(*told, USUAL).disagreement is disagreement


def test_the_order_of_the_sources_is_policy() -> None:
    sources = (CountrySource.BILLING, CountrySource.BIN)
    assert conclude("NG", "UG", "GB", sources).code == "GB"
    assert conclude("NG", "UG", None, sources).source is CountrySource.BIN
    nobody = conclude(None, "UG", None, sources)
    assert (nobody.code, nobody.source, nobody.by_ip) == (None, CountrySource.DEFAULT, "UG")


@pytest.mark.parametrize("code", ["NG", "GB", "NA", "CI", "AX", "SS"])
def test_iso_codes_are_countries(code: str) -> None:
    assert is_country(code)


@pytest.mark.parametrize(
    "code",
    ["UK", "EU", "ZZ", "T1", "XX", "XK", "AN", "ng", "Ng", "NGA", "566", "", " NG", "\uff2e\uff27", None],
)
def test_everything_else_is_not(code: str | None) -> None:
    assert not is_country(code)
