"""The environment of each program, and what the demo shortens."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from devstack.ports import HOST, Ports
from devstack.programs import environment
from sandbox.discovery import gateways as simulated_gateways

SHORTENED: Final[Mapping[str, object]] = {
    "QUIET_PERIOD": 3,
    "CHARGE_TIMEOUT": 4,
    "LOOK_UP_TIMEOUT": 4,
    "LOOK_UP_INTERVALS": [0.3, 0.5, 1, 2],
    "ACTION_POLL_INTERVALS": [2, 5],
    "WORKFLOW_TASK_TIMEOUT": 2,
    "STICKY_QUEUE_TIMEOUT": 1,
    "RECOVER_AFTER": 10,
    "NOTIFICATION_INTERVALS": [0.5, 1, 2, 5, 10],
    **{
        f"{gateway}_{field}".upper(): seconds
        for gateway in simulated_gateways()
        for field, seconds in (("connect_timeout", 1), ("read_timeout", 2))
    },
}
"""Seconds. Against a sandbox on the same machine nothing takes minutes, and nobody wants to wait for it."""

LOOSENED: Final[Mapping[str, object]] = {
    # The sandbox has a handful of test cards, and the demo declines them over and over.
    "MAX_DECLINES_PER_CARD": 100_000,
    # Here all of them, shops, gateways and load, come from one address.
    "RATE_LIMIT_PER_KEY": 100_000,
    "RATE_LIMIT_PER_ADDRESS": 100_000,
    "RATE_LIMIT_FORGED": 1_000,
    # Gateways are broken on purpose, over and over: every case shall meet the fault that it is about.
    "CIRCUIT_FAILURES": 1000,
    # A handful of test cards again, and one customer: what they do over and over counts for nothing.
    "SCREENING_FILE": Path(__file__).parent / "screening.json",
}

KEYS_FILE: Final = "encryption.keys"

_SANDBOX_CREDENTIALS: Final[Mapping[str, str]] = {
    f"{name}_{field}".upper(): value
    for name, gateway in simulated_gateways().items()
    for field, value in gateway.credentials(name).items()
}
"""Of every gateway's first account. The sandbox accepts exactly these; they open nothing anywhere else."""


def product_environment(
    *,
    ports: Ports,
    data_dir: Path,
    database_url: str,
    gateway_urls: Mapping[str, str],
    overrides: Mapping[str, object],
) -> dict[str, str]:
    """For the API, the worker, the migrations and the shell command. `overrides` go by variable name."""
    values: dict[str, object] = {
        "ENVIRONMENT": "development",
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": f"{HOST}:{ports.temporal}",
        "DATA_DIR": data_dir,
        "API_HOST": HOST,
        "API_PORT": ports.api,
        "PUBLIC_URL": f"http://{HOST}:{ports.api}",
        "TEMPORAL_UI_URL": f"http://{HOST}:{ports.temporal_ui}",
        "ENCRYPTION_KEYS_FILE": data_dir / KEYS_FILE,
        # Their payloads hold ids only, and here everybody should be able to read along in the web UI.
        "ENCRYPT_HISTORIES": False,
        "TEMPORAL_UI_ORIGIN": f"http://{HOST}:{ports.temporal_ui}",
        **{f"{gateway}_BASE_URL".upper(): url for gateway, url in gateway_urls.items()},
        **_SANDBOX_CREDENTIALS,
        **SHORTENED,
        **LOOSENED,
        **overrides,
    }
    return environment({name: as_text(value) for name, value in values.items()})


def as_text(value: object) -> str:
    """As the settings read it: lists and tuples as JSON."""
    return json.dumps(value) if isinstance(value, list | tuple) else str(value)
