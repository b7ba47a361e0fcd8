import pytest

from domain.route import Country, CountrySource
from routing.country import BinTable, is_country, locate

BINS = BinTable.of({"539983": "NG"})


class Addresses:
    def by_ip(self, text: str | None) -> str | None:
        return {"196.0.0.1": "UG"}.get(text or "")


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
    country = locate(card_bin, ip, billing, bins=BINS, geo=Addresses())
    assert (country.code, country.source) == (code, source)


def test_every_answer_is_kept() -> None:
    assert locate("539983", "196.0.0.1", "GB", bins=BINS, geo=Addresses()) == Country(
        code="NG", source=CountrySource.BIN, by_bin="NG", by_ip="UG", by_billing="GB"
    )


@pytest.mark.parametrize("code", ["NG", "GB", "NA", "CI", "AX", "SS"])
def test_iso_codes_are_countries(code: str) -> None:
    assert is_country(code)


@pytest.mark.parametrize(
    "code",
    ["UK", "EU", "ZZ", "T1", "XX", "XK", "AN", "ng", "Ng", "NGA", "566", "", " NG", "\uff2e\uff27", None],
)
def test_everything_else_is_not(code: str | None) -> None:
    assert not is_country(code)
