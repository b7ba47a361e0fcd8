"""The API's operations as its own description lists them, for tests that go over all of them."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import httpx

Json = dict[str, Any]

NOBODYS: Final = "0" * 26
"""The random part of an id that nothing has."""


class Operation(NamedTuple):
    method: str
    path: str
    described: Json

    @property
    def merchants(self) -> bool:
        return {"HTTPBearer": []} in self.described.get("security", [])

    @property
    def operators(self) -> bool:
        return self.path.startswith("/v1/admin/") and "security" in self.described

    @property
    def parameters(self) -> list[Json]:
        found: list[Json] = self.described.get("parameters", [])
        return found

    @property
    def takes_a_body(self) -> bool:
        return "requestBody" in self.described

    def url(self, **ids: str) -> str:
        """With well-formed values, of nothing that exists, in place of what is not given."""
        needed = {item["name"]: "USD" for item in self.parameters if _asked(item)}
        query = "&".join(f"{name}={value}" for name, value in needed.items())
        wanted = {item["name"]: _value(item) for item in self.parameters if item["in"] == "path"}
        return self.path.format_map(wanted | ids) + (f"?{query}" if query else "")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _asked(parameter: Json) -> bool:
    return parameter["in"] == "query" and bool(parameter.get("required"))


def _value(parameter: Json) -> str:
    described = parameter["schema"]
    prefix = re.match(r"\^([a-z]+_)\[", described.get("pattern", ""))
    if prefix:
        return f"{prefix[1]}{NOBODYS}"
    if "account" in parameter["name"]:
        return "stripe"
    return "charges" if parameter["name"] == "kind" else "1"


async def operations(http: httpx.AsyncClient) -> list[Operation]:
    described: Json = (await http.get("/openapi.json")).raise_for_status().json()
    return list(_each(described))


def _each(described: Json) -> Iterator[Operation]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield Operation(method.upper(), path, operation)
