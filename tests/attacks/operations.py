"""The API's operations as its own description lists them, for tests that go over all of them."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import httpx

Json = dict[str, Any]

IDS: Final = {
    "checkout_id": "co_" + "0" * 26,
    "refund_id": "re_" + "0" * 26,
    "alert_id": "alr_" + "0" * 26,
    "entry_id": "lst_" + "0" * 26,
    "version": "1",
    "kind": "charges",
    "account": "stripe",
}
"""Well-formed and of nobody. A parameter that is missing here fails the tests that need it."""


class Operation(NamedTuple):
    method: str
    path: str
    described: Json

    @property
    def merchants(self) -> bool:
        return {"HTTPBearer": []} in self.described.get("security", [])

    @property
    def operators(self) -> bool:
        return self.path.startswith("/v1/admin/")

    @property
    def takes_a_body(self) -> bool:
        return "requestBody" in self.described

    def url(self, **ids: str) -> str:
        needed = {item["name"]: "USD" for item in self.described.get("parameters", []) if _asked(item)}
        query = "&".join(f"{name}={value}" for name, value in needed.items())
        return self.path.format_map(IDS | ids) + (f"?{query}" if query else "")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _asked(parameter: Json) -> bool:
    return parameter["in"] == "query" and bool(parameter.get("required"))


async def operations(http: httpx.AsyncClient) -> list[Operation]:
    described: Json = (await http.get("/openapi.json")).raise_for_status().json()
    return list(_each(described))


def _each(described: Json) -> Iterator[Operation]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield Operation(method.upper(), path, operation)
