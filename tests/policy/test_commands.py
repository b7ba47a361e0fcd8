"""`smartpay routing`: files out, files in, and what is wrong with them."""

import json
from pathlib import Path

import pytest

from tests.operators.shell import Shell

OVERRIDES = {"UG": {"enabled": True, "gateway": "flutterwave"}, "OVERRIDE_DEFAULT": "stripe"}


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url)


def write(path: Path, content: object) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def test_files_go_out_and_come_back_the_same(shell: Shell, tmp_path: Path) -> None:
    shell("routing", "import", write(tmp_path / "overrides.json", OVERRIDES), "--reason", "outage")
    shell("routing", "export", str(tmp_path / "out"))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"supportedCountries.json", "gatewayOverrides.json", "policy.json"}
    assert json.loads((tmp_path / "out/gatewayOverrides.json").read_text()) == OVERRIDES
    policy = json.loads((tmp_path / "out/policy.json").read_text())
    assert policy["overrides"] == {"UG": {"accounts": ["flutterwave"]}}
    assert policy["override_default"] == ["stripe"]
    for name in sorted(names):
        assert "nothing differs from version 2" in shell("routing", "import", str(tmp_path / "out" / name))
    again = [str(tmp_path / "out" / name) for name in sorted(names)]
    assert "nothing differs from version 2" in shell("routing", "import", *again)


def test_a_country_map_replaces_the_countries_and_nothing_else(shell: Shell, tmp_path: Path) -> None:
    countries = write(tmp_path / "c.json", {"NG": "stripe", "DEFAULT": ["stripe", "flutterwave"]})
    printed = shell("routing", "import", write(tmp_path / "o.json", OVERRIDES), countries)
    assert "version 2 is saved" in printed
    shell("routing", "export", str(tmp_path))
    policy = json.loads((tmp_path / "policy.json").read_text())
    assert policy["countries"] == {"NG": ["stripe"]}
    assert policy["override_default"] == ["stripe"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            {"UG": "strpe", "DEFAULT": "stripe"},
            "/countries/UG/0: unknown gateway 'strpe'; did you mean 'stripe'?",
        ),
        ({"UK": {"enabled": True, "gateway": "stripe"}}, "/overrides/UK: unknown country 'UK'"),
        ({"UG": {"enabld": True}}, "/UG/enabld: is not a key of an override"),
        ({"UG": {"enabled": True}}, "names no account"),
        ({"default": ["stripe"], "rule": []}, "/rule: is not a key of this object; did you mean 'rules'?"),
        ({"countries": {}}, "/default: is required"),
        (["stripe"], "must be an object"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    shell: Shell, tmp_path: Path, content: object, told: str
) -> None:
    file = write(tmp_path / "file.json", content)
    assert told in shell("routing", "validate", file, code=1)
    assert told in shell("routing", "import", file, code=1)


def test_a_valid_file_is_called_so_and_warnings_do_not_stop_it(shell: Shell, tmp_path: Path) -> None:
    assert "valid" in shell("routing", "validate", write(tmp_path / "o.json", OVERRIDES))


def test_a_draft_is_tried_on_no_checkouts_at_all(shell: Shell, tmp_path: Path) -> None:
    file = write(tmp_path / "p.json", {"default": ["stripe"]})
    printed = json.loads(shell("routing", "simulate", file, "--last", "10", "--json"))
    assert (printed["checkouts"], printed["moved"]) == (0, 0)
    assert "unknown" in printed["note"]
