"""`smartpay freeze`, `unfreeze`, `switches` and `decide` in a shell."""

import json

import pytest

from domain.switches import Switch
from tests.operators.shell import Shell

BECAUSE = ("--reason", "to see what happens")


@pytest.fixture
def shell(database_url: str) -> Shell:
    return Shell(database_url, STRIPE_SECRET_KEY="sk_test_1", STRIPE_WEBHOOK_SECRET="whsec_1")


@pytest.mark.parametrize("kind", Switch)
@pytest.mark.parametrize("account", [None, "stripe"])
def test_a_switch_is_frozen_listed_and_thawed(shell: Shell, kind: Switch, account: str | None) -> None:
    where = () if account is None else ("--account", account)
    name = kind if account is None else f"{kind}/{account}"
    assert shell("switches") == "nothing is frozen\n"
    assert shell("freeze", kind, *where, *BECAUSE) == f"{name} is frozen\n"
    assert shell("freeze", kind, *where, "--reason", " still ") == f"{name} is frozen\n"
    [row] = json.loads(shell("switches", "--json"))
    told = (row["kind"], row["account"], row["reason"], row["actor"])
    assert told == (kind, account or "", "still", "cli:ada")
    assert "still" in shell("switches")
    assert shell("unfreeze", kind, *where, *BECAUSE) == f"{name} goes on\n"
    assert "is not frozen" in shell("unfreeze", kind, *where, *BECAUSE, code=1)


def test_what_is_wrong_is_said(shell: Shell) -> None:
    typo = shell("freeze", "charges", "--account", "strpe", *BECAUSE, code=1)
    assert "no account 'strpe'" in typo
    assert "configured: stripe" in typo
    assert "reason" in shell("freeze", "charges", "--reason", " ", code=1)
    assert "--reason" in shell("freeze", "charges", code=2)
    assert "everything" in shell("freeze", "everything", *BECAUSE, code=2)
    assert shell("switches") == "nothing is frozen\n"
    unknown = f"co_{'0' * 26}"
    assert "no checkout" in shell("decide", unknown, "not_paid", *BECAUSE, code=1)
    assert "paid" in shell("decide", unknown, "paid", *BECAUSE, code=2)
