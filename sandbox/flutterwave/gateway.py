"""Flutterwave in the sandbox."""

from collections.abc import Mapping
from typing import Final

from sandbox.discovery import Part, SimulatedGateway
from sandbox.flutterwave.accounts import secret_hash
from sandbox.flutterwave.pages import flutterwave_pages
from sandbox.flutterwave.simulator import Flutterwave
from sandbox.world import World


def _credentials(account: str) -> Mapping[str, str]:
    return {"secret_key": f"FLWSECK_TEST-sandbox-{account}", "secret_hash": secret_hash(account)}


def _build(world: World) -> Part:
    flutterwave = Flutterwave(world)
    return Part(simulator=flutterwave, pages=flutterwave_pages(world, flutterwave))


GATEWAY: Final = SimulatedGateway(name=Flutterwave.name, port=8702, credentials=_credentials, build=_build)
