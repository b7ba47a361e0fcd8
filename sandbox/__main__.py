"""`python -m sandbox`: serve until SIGTERM or Ctrl-C. Once ready, `DATA_DIR/ready.json` says where."""

import argparse
import asyncio
import json
import logging
import os
import signal
from pathlib import Path
from typing import Final

import uvloop

from sandbox.app import Application
from sandbox.connection import Listener
from sandbox.discovery import gateways as simulated_gateways
from sandbox.settings import Settings
from sandbox.world import World

_GRACE: Final = 1.0
"""Seconds that requests under way have at exit."""


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    uvloop.run(serve(_settings()))


async def serve(settings: Settings) -> None:
    ready = settings.data_dir / "ready.json"
    ready.unlink(missing_ok=True)
    world = World(settings)
    application = Application(world)
    control = Listener(settings.host, settings.port, application)
    ports = dict(settings.gateway_ports)
    gateways = {
        name: Listener(settings.host, ports.get(name, 0), exchange)
        for name, exchange in application.exchanges.items()
    }
    world.pages_url = (settings.public_url or control.url).rstrip("/")
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, world.closing.set)
    try:
        await control.open()
        await world.listeners.start(gateways)
        world.timers.start()
        world.webhooks.resume()
        _write(
            ready,
            {
                "control": control.url,
                "gateways": {
                    name: listener.url + application.base_paths[name] for name, listener in gateways.items()
                },
            },
        )
        await world.closing.wait()
    finally:
        ready.unlink(missing_ok=True)
        await world.listeners.close(_GRACE)
        await control.close(_GRACE)
        await world.close()


def _write(path: Path, content: object) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(content))
    os.replace(draft, path)


def _settings() -> Settings:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Simulated payment gateways.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="control surface and pages; 0: any free port")
    names = tuple(simulated_gateways())
    for name in names:
        parser.add_argument(f"--{name}-port", type=int, default=0, help=f"{name} alone; 0: any free port")
    parser.add_argument("--data-dir", type=Path, required=True, help="ledger, objects, ready.json")
    parser.add_argument("--webhook-base", help="webhooks go to WEBHOOK_BASE/{account}")
    parser.add_argument("--public-url", help="where browsers reach the control port")
    parser.add_argument("--prompt-seconds", type=float, default=Settings.prompt_seconds)
    parser.add_argument("--refund-seconds", type=float, default=Settings.refund_seconds)
    parser.add_argument("--search-seconds", type=float, default=Settings.search_seconds)
    parser.add_argument("--seed", type=int, help="of the faults that happen by probability")
    given = parser.parse_args()
    return Settings(
        data_dir=given.data_dir,
        host=given.host,
        port=given.port,
        gateway_ports=tuple((name, getattr(given, f"{name}_port")) for name in names),
        webhook_base=given.webhook_base,
        public_url=given.public_url,
        prompt_seconds=given.prompt_seconds,
        refund_seconds=given.refund_seconds,
        search_seconds=given.search_seconds,
        seed=given.seed,
    )


if __name__ == "__main__":
    main()
