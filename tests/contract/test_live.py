"""`make live-check`, tried on the sandbox as if it were the real gateways."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.cases import discover
from tests.contract.live import why_not
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = {case.gateway: case for case in discover()}


def check(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    names = {f"{case.gateway}_".upper() for case in CASES.values()}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", *names)) and name != "SMARTPAY_LIVE_CHECK"
    }
    return subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "tests.contract.live", *arguments],
        cwd=ROOT,
        env=kept | environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_without_keys_nothing_is_tried_and_that_is_said() -> None:
    said = check({})
    assert said.returncode == 2
    assert "stripe: left out, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET not set" in said.stdout
    assert "Nothing to try" in said.stdout


def test_keys_that_move_real_money_are_not_used() -> None:
    real = {
        "STRIPE_SECRET_KEY": "sk_live_1",
        "STRIPE_WEBHOOK_SECRET": "whsec_1",
        "PAYSTACK_SECRET_KEY": "sk_live_1",
        "FLUTTERWAVE_SECRET_KEY": "FLWSECK-1-X",
        "FLUTTERWAVE_SECRET_HASH": "hash",
        "ADYEN_API_KEY": "key",
        "ADYEN_MERCHANT_ACCOUNT": "Shop",
        "ADYEN_HMAC_KEY": "00ff",
        "ADYEN_BASE_URL": "https://1797a841fbb37ca7-Shop-checkout-live.adyenpayments.com/checkout/v71",
    }
    for case in CASES.values():
        assert why_not(case, real) == "these keys are not provably of its test mode"


def test_what_can_be_shown_is_shown_and_the_rest_is_named(sandbox: SandboxProcess) -> None:
    stripe = CASES["stripe"].credentials(sandbox.gateways["stripe"])
    environ = {f"STRIPE_{name}".upper(): str(value) for name, value in stripe.items()}
    paystack = CASES["paystack"].credentials(sandbox.gateways["paystack"])
    environ |= {f"PAYSTACK_{name}".upper(): str(value) for name, value in paystack.items()}
    few = ("ledger_to_the_last_unit", "captured_once", "decline_is_definite", "in_part", "after_a_failed_try")

    said = check(environ, "-k", " or ".join(few))

    assert said.returncode == 0, said.stdout[-3000:]
    assert "stripe: will be tried" in said.stdout
    assert re.search(r"adyen: left out, ADYEN_API_KEY.* not set", said.stdout)
    assert re.search(r"needs a card token of the test mode: PAYSTACK_TEST_TOKEN", said.stdout)
    assert re.search(r"needs a customer who acts", said.stdout)
    passed = re.search(r"(\d+) passed", said.stdout)
    assert passed is not None
    assert int(passed[1]) >= 12
    for name, value in environ.items():
        assert name.endswith("_BASE_URL") or value not in said.stdout, "a key is printed"
