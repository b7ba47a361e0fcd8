"""Finds every adapter in this package and builds the configured accounts.

An adapter is a module with a `REGISTRATION`. Accounts come from the environment: every gateway has one
account of its own name, `GATEWAY_ACCOUNTS="stripe-eu=stripe,stripe-ng=stripe"` adds more. The fields of a
gateway's credentials are read from `{ACCOUNT}_{FIELD}`, upper-case, dashes as underscores. An account whose
required fields are absent exists without credentials: it is shown, and never eligible.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

import gateways
from domain.capabilities import Account
from gateways.base import Gateway, Registration
from gateways.transport import total_timeout

_ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class BadAccounts(ValueError):
    """GATEWAY_ACCOUNTS or an account's variables cannot be read. Never carries a value, only names."""


def registrations() -> dict[str, Registration]:
    """Gateway name -> registration, for every adapter found."""
    found: dict[str, Registration] = {}
    for module in pkgutil.iter_modules(gateways.__path__, "gateways."):
        registration = getattr(importlib.import_module(module.name), "REGISTRATION", None)
        if isinstance(registration, Registration):
            found[registration.capabilities.name] = registration
    return dict(sorted(found.items()))


class Accounts:
    """The configured accounts, and the live adapters behind those that have credentials."""

    def __init__(
        self,
        known: Mapping[str, Account],
        live: Mapping[str, Gateway],
        *,
        longest_call: float = 0.0,
        missing: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`longest_call`: seconds that one call to any of them may take by its own time-outs.

        `missing`: account -> the variables without which it has no credentials.
        """
        self.known = dict(known)
        self.missing = dict(missing or {})
        self.longest_call = longest_call
        self._live = dict(live)

    def gateway(self, account: str) -> Gateway:
        """The adapter of an account. Raises KeyError where it has no credentials (any more)."""
        return self._live[account]

    def webhook_reply(self, account: str) -> str:
        return registrations()[self.known[account].gateway].webhook_reply

    async def aclose(self) -> None:
        for gateway in self._live.values():
            await gateway.aclose()


def load_accounts(environ: Mapping[str, str]) -> Accounts:
    """Build every configured account. Raises BadAccounts naming the variable at fault."""
    known: dict[str, Account] = {}
    live: dict[str, Gateway] = {}
    lacking: dict[str, Sequence[str]] = {}
    longest_call = 0.0
    found = registrations()
    for name, gateway in _account_names(environ, found).items():
        registration = found[gateway]
        values = {
            field: environ[variable]
            for field in registration.credentials.model_fields
            if environ.get(variable := _variable(name, field))
        }
        missing = [
            field
            for field, info in registration.credentials.model_fields.items()
            if info.is_required() and field not in values
        ]
        known[name] = Account(name=name, capabilities=registration.capabilities, has_credentials=not missing)
        if missing:
            lacking[name] = [_variable(name, field) for field in missing]
            continue
        try:
            credentials = registration.credentials.model_validate(values)
        except ValidationError as error:
            field = ".".join(str(part) for part in error.errors()[0]["loc"]) or "value"
            raise BadAccounts(f"{_variable(name, field)} is not valid for account {name}") from None
        live[name] = registration.build(credentials)
        longest_call = max(longest_call, total_timeout(credentials))
    return Accounts(known, live, longest_call=longest_call, missing=lacking)


def _account_names(environ: Mapping[str, str], found: Mapping[str, Registration]) -> dict[str, str]:
    names = {gateway: gateway for gateway in found}
    for entry in filter(None, (part.strip() for part in environ.get("GATEWAY_ACCOUNTS", "").split(","))):
        name, _, gateway = entry.partition("=")
        if not _ACCOUNT_NAME.fullmatch(name) or len(name) > 40:
            raise BadAccounts(
                f"GATEWAY_ACCOUNTS: {name!r} is not an account name (lower case, digits, dashes)"
            )
        if gateway not in found:
            raise BadAccounts(f"GATEWAY_ACCOUNTS: account {name} names no gateway out of {', '.join(found)}")
        names[name] = gateway
    return names


def _variable(account: str, field: str) -> str:
    return f"{account}_{field}".upper().replace("-", "_")
