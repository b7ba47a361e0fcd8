"""The demo's own judgement: that a wrong outcome or a second charge does not pass for a good one."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devstack.demo_cases import CASES, Case
from devstack.demo_report import totals
from devstack.demo_run import Result, differences
from devstack.ports import HOST
from devstack.programs import ROOT
from tests.patience import PATIENCE

CASE = next(
    case for case in CASES if case.ledger == ("stripe capture",) and case.country and not case.actions
)


def as_expected(case: Case = CASE) -> Result:
    assert case.country
    country, _, source = case.country.split()
    amount, currency = case.request["amount"], case.request["currency"]
    return Result(
        case,
        checkout={
            "status": case.status,
            "routing": {"country": country, "country_source": source},
            "attempts": [{"account": account} for account in case.accounts],
            "decline": None,
            "amount_captured": amount,
        },
        ledger=[ledger_row("stripe", "capture", amount, currency)],
    )


def ledger_row(
    gateway: str, kind: str, amount: int, currency: str, payment_id: str = "pi_1"
) -> dict[str, Any]:
    row = {"gateway": gateway, "kind": kind, "amount": amount, "currency": currency}
    return row | {"payment_id": payment_id, "seq": 1}


def test_what_was_expected_passes() -> None:
    result = as_expected()
    assert differences(result) == []
    assert totals([result]).charged_twice == 0


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("status", {"status": "failed"}),
        ("accounts", {"attempts": [{"account": "flutterwave"}]}),
        ("country", {"routing": {"country": "GB", "country_source": "bin"}}),
        ("amount_captured", {"amount_captured": 1}),
    ],
)
def test_any_other_outcome_is_told(what: str, wrong: dict[str, Any]) -> None:
    result = as_expected()
    result.checkout |= wrong
    assert any(difference.startswith(what) for difference in differences(result))


@pytest.mark.parametrize("column", ["amount", "currency"])
def test_another_amount_or_currency_in_a_ledger_is_told(column: str) -> None:
    result = as_expected()
    result.ledger[0][column] = 1 if column == "amount" else "XAF"
    assert any("was asked for" in difference for difference in differences(result))


def test_a_second_charge_is_told_and_counted_even_at_another_gateway() -> None:
    result = as_expected()
    first = result.ledger[0]
    result.ledger.append(first | {"gateway": "flutterwave", "payment_id": "1", "seq": 2})
    assert any(difference.startswith("ledger") for difference in differences(result))
    assert totals([result]).charged_twice == 1


def test_a_charge_given_back_in_full_does_not_count_as_a_second_one() -> None:
    result = as_expected()
    first = result.ledger[0]
    result.ledger.append(first | {"payment_id": "pi_2", "seq": 2})
    result.ledger.append(first | {"payment_id": "pi_2", "seq": 3, "kind": "refund"})
    assert totals([result]).charged_twice == 0


def test_every_case_has_a_title_of_its_own() -> None:
    assert len({case.title for case in CASES}) == len(CASES)


async def test_a_taken_port_ends_the_demo_with_one_line(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        demo = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devstack.demo"),
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(tmp_path), "API_PORT": port},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(demo.communicate(), PATIENCE)
    assert demo.returncode == 1
    assert out == b""
    assert err.decode().startswith(f"error: port {port} (API_PORT) is taken")
    assert err.count(b"\n") == 1
