"""`python -m api`: serve the API, on loopback unless `API_HOST` says otherwise."""

import config.quiet_imports  # noqa: F401

# isort: split

import contextlib
import gc
import sys
from typing import Any, Final

import uvicorn

from api.app import create_app
from api.stopping import Server, Stopping
from config import logging as logs
from config import tracing
from config.keys import BadKeys
from config.settings import Settings
from gateways.registry import BadAccounts
from routing.country_map import BadCountryMap
from routing.datasets import BadDataset
from routing.fees import BadFees
from routing.policy_files import BadPolicyFile

SERVER: Final[dict[str, Any]] = {
    "log_config": None,
    "access_log": False,  # its lines would carry query strings
    "server_header": False,
    "proxy_headers": False,  # see `api/client_address.py`
    "timeout_keep_alive": 30,
    "timeout_graceful_shutdown": 20,
    "h11_max_incomplete_event_size": 65_536,
}


def main() -> int:
    gc.enable()
    settings = Settings()
    stopping = Stopping()
    logs.configure(settings)
    tracing.start(settings, "smartpay-api")
    try:
        app = create_app(settings, stopping)
    except (BadAccounts, BadCountryMap, BadPolicyFile, BadDataset, BadFees, BadKeys) as error:
        sys.stderr.write(f"The API does not start: {error}\n")
        return 1
    gc.collect()
    gc.freeze()  # what a start makes lives as long as the process: no collection need look at it again
    server = Server(uvicorn.Config(app, host=settings.api_host, port=settings.api_port, **SERVER), stopping)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
    finally:
        tracing.stop()
    return 0 if server.started else 3


if __name__ == "__main__":
    sys.exit(main())
