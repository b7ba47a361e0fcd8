"""Paystack in the sandbox."""

from collections.abc import Mapping
from typing import Final

from sandbox.discovery import Part, SimulatedGateway
from sandbox.paystack.pages import paystack_pages
from sandbox.paystack.simulator import Paystack
from sandbox.paystack.wire import secret_key
from sandbox.world import World


def _credentials(account: str) -> Mapping[str, str]:
    return {"secret_key": secret_key(account)}


def _build(world: World) -> Part:
    paystack = Paystack(world)
    return Part(simulator=paystack, pages=paystack_pages(world, paystack))


GATEWAY: Final = SimulatedGateway(name=Paystack.name, port=8703, credentials=_credentials, build=_build)
