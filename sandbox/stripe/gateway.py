"""Stripe in the sandbox."""

from collections.abc import Mapping
from typing import Final

from sandbox.discovery import Part, SimulatedGateway
from sandbox.stripe.pages import stripe_pages
from sandbox.stripe.simulator import Stripe
from sandbox.world import World


def _credentials(account: str) -> Mapping[str, str]:
    return {"secret_key": f"sk_test_sandbox_{account}", "webhook_secret": f"whsec_sandbox_{account}"}


def _build(world: World) -> Part:
    stripe = Stripe(world)
    return Part(simulator=stripe, pages=stripe_pages(world, stripe))


GATEWAY: Final = SimulatedGateway(name=Stripe.name, port=8701, credentials=_credentials, build=_build)
