"""What Temporal's server is asked to do, by its own counters: what its processor time comes from."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

KINDS: Final = (
    "requests of clients and workers",
    "requests among its own services",
    "tasks of its own queues",
    "writes of runs and of tasks to the store",
    "reads of the store",
    "writes of search records",
)
_CLIENTS, _OWN, _QUEUES, _WRITES, _READS, _SEARCH = KINDS


async def asked(url: str) -> Counter[str]:
    """Kind -> how often since the server's start. Raises httpx.HTTPError."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(url)
    return counted(answer.raise_for_status().text)


def counted(exposition: str) -> Counter[str]:
    """The same, of metrics as Prometheus reads them."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            kind = _kind(family.name, sample.labels)
            if kind is not None:
                found[kind] += int(sample.value)
    return found


def _kind(name: str, labels: Mapping[str, str]) -> str | None:
    match name:
        case "service_requests":
            return _CLIENTS if labels["service_name"] == "frontend" else _OWN
        case "task_requests":
            return _QUEUES
        case "persistence_requests":
            reads = labels["operation"].startswith(("Get", "List", "Read"))
            return _READS if reads else _WRITES
        case "visibility_persistence_requests":
            return _SEARCH
    return None
