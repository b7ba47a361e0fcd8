"""Adyen in the sandbox."""

from collections.abc import Mapping
from typing import Final

from sandbox.adyen.pages import adyen_pages
from sandbox.adyen.simulator import Adyen
from sandbox.adyen.wire import api_key, hmac_key, merchant_account
from sandbox.discovery import Part, SimulatedGateway
from sandbox.world import World


def _credentials(account: str) -> Mapping[str, str]:
    return {
        "api_key": api_key(account),
        "merchant_account": merchant_account(account),
        "hmac_key": hmac_key(account),
    }


def _build(world: World) -> Part:
    adyen = Adyen(world)
    return Part(simulator=adyen, pages=adyen_pages(world, adyen))


GATEWAY: Final = SimulatedGateway(name=Adyen.name, port=8704, credentials=_credentials, build=_build)
