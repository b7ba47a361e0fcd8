"""The application: gateways by their path, everything else is control surface and pages."""

from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.control import control_router
from sandbox.exchange import Exchange, Simulator
from sandbox.flutterwave.pages import flutterwave_pages
from sandbox.flutterwave.simulator import Flutterwave
from sandbox.stripe.pages import stripe_pages
from sandbox.stripe.simulator import Stripe
from sandbox.world import World

GATEWAYS: Sequence[str] = (Stripe.name, Flutterwave.name)


class Application:
    """Everything on the control port; one gateway's part of it on that gateway's port."""

    def __init__(self, world: World) -> None:
        stripe, flutterwave = Stripe(world), Flutterwave(world)
        simulators: Mapping[str, Simulator] = {stripe.name: stripe, flutterwave.name: flutterwave}
        for name, simulator in simulators.items():
            world.webhooks.signers[name] = simulator.signer
            world.timers.handlers[name] = simulator.on_timer
        surface = FastAPI(title="Sandbox gateways", version="1", docs_url="/docs", redoc_url=None)
        surface.include_router(control_router(world, simulators))
        surface.include_router(stripe_pages(world, stripe))
        surface.include_router(flutterwave_pages(world, flutterwave))
        self._surface: ASGIApp = surface
        self.exchanges = {name: Exchange(simulator, world) for name, simulator in simulators.items()}
        self.base_paths = {name: simulator.base_path for name, simulator in simulators.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = self.exchanges.get(scope["path"].split("/", 2)[1])
        await (self._surface if exchange is None else exchange)(scope, receive, send)
