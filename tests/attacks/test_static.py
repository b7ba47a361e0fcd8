"""What no test from outside can show: how secrets are compared, and that no request is written down whole."""

import ast
from collections.abc import Iterator
from pathlib import Path

from devstack.programs import ROOT
from gateways.registry import registrations

PRODUCT = ("activities", "api", "cli", "config", "domain", "gateways", "routing", "storage", "workflows")
SECRET_NAMES = ("signature", "digest", "secret", "token", "mac", "hash")


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file, ast.parse(file.read_text(), str(file))


def names(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id.lower()
        elif isinstance(inner, ast.Attribute):
            yield inner.attr.lower()


def test_every_gateway_that_checks_signatures_does_so_in_constant_time() -> None:
    checking = {
        file.name: set(names(tree))
        for file, tree in modules("gateways")
        if file.name != "base.py" and "invalidsignature" in set(names(tree))
    }
    assert len(checking) >= len(registrations())
    for file, used in checking.items():
        assert used & {"compare_digest", "verify_header"} or not used & {"hmac", "sha256", "sha512"}, file
    assert any("compare_digest" in used for used in checking.values())


def test_no_secret_is_compared_by_equality() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file, tree in modules("gateways")
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(name.rpartition("_")[2] in SECRET_NAMES for name in names(node))
    ]
    assert found == []


def test_no_request_body_or_header_is_logged_whole() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file, tree in modules(*PRODUCT)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("log", "_log", "logger")
        and {"body", "headers", "request", "event_body"}
        & {
            name
            for argument in [*node.args, *(word.value for word in node.keywords)]
            for name in names(argument)
        }
        - {"request_id"}
    ]
    assert found == []


def test_certificates_are_always_verified() -> None:
    for file, tree in modules(*PRODUCT):
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in (
                "verify",
                "verify_ssl",
                "ssl",
                "check_hostname",
            ):
                assert not (isinstance(node.value, ast.Constant) and node.value.value is False), (
                    f"{file.relative_to(ROOT)}:{node.value.lineno}"
                )
