"""Card data that a campaign has sent is found wherever it lies, and nothing else is taken for it."""

from pathlib import Path

import pytest

from chaos import canaries
from chaos.canaries import Canaries
from domain.card_numbers import contains_card_number


def test_a_number_is_one_that_the_product_must_refuse_in_every_form() -> None:
    made = Canaries(7)
    for _ in range(20):
        forms = made.number()
        assert all(contains_card_number(form) for form in forms)


@pytest.mark.parametrize("form", range(4))
def test_every_form_is_found(tmp_path: Path, form: int) -> None:
    made = Canaries(7)
    number = made.number()[form]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_text(f"before {number} after")
    (tmp_path / "other").write_bytes(b"\x00" * 100)
    assert made.search(tmp_path) == ["deep/log"]
    assert made.within(f"x{number}")


def test_a_security_code_is_found(tmp_path: Path) -> None:
    made = Canaries(7)
    (tmp_path / "wal").write_bytes(b"\x00" + made.code().encode() + b"\x00")
    assert made.search(tmp_path) == ["wal"]


def test_it_is_found_across_the_border_of_two_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "_BLOCK", 64)
    made = Canaries(7)
    plain = made.number()[0]
    for gap in range(60, 68):
        (tmp_path / "file").write_bytes(b"." * gap + plain.encode() + b"." * 200)
        assert made.search(tmp_path) == ["file"]


def test_what_was_never_sent_is_no_hit(tmp_path: Path) -> None:
    """A number of the same campaign's kind, that the other one has not come to."""
    made, behind = Canaries(7), Canaries(7)
    made.number()
    behind.number()
    ahead = made.number()[0]
    (tmp_path / "file").write_text(ahead)
    assert behind.search(tmp_path) == []
    assert not behind.within(ahead)
    assert made.within(ahead)
