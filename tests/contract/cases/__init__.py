"""One file per gateway, each with a `CASE`; found by name, so adding a file is enough."""

import importlib
import pkgutil

from tests.contract.case import ContractCase


def discover() -> list[ContractCase]:
    """Every case in this package, in alphabetical order."""
    return [
        importlib.import_module(f"{__name__}.{module.name}").CASE
        for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
    ]
