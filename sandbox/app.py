"""The application: gateways by their path, everything else is control surface and pages."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.control import control_router
from sandbox.discovery import gateways
from sandbox.exchange import Exchange
from sandbox.shop.page import shop_pages
from sandbox.world import World


class Application:
    """Everything on the control port; one gateway's part of it on that gateway's port."""

    def __init__(self, world: World) -> None:
        parts = {name: gateway.build(world) for name, gateway in gateways().items()}
        simulators = {name: part.simulator for name, part in parts.items()}
        surface = FastAPI(title="Sandbox gateways", version="1", docs_url="/docs", redoc_url=None)
        surface.include_router(control_router(world, simulators))
        for name, part in parts.items():
            world.webhooks.signers[name] = part.simulator.signer
            world.timers.handlers[name] = part.simulator.on_timer
            surface.include_router(part.pages)
        surface.include_router(shop_pages(lambda: _api_of(world)))
        self._surface: ASGIApp = surface
        self.exchanges = {name: Exchange(simulator, world) for name, simulator in simulators.items()}
        self.base_paths = {name: simulator.base_path for name, simulator in simulators.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = self.exchanges.get(scope["path"].split("/", 2)[1])
        await (self._surface if exchange is None else exchange)(scope, receive, send)


def _api_of(world: World) -> str | None:
    """Whoever takes the webhooks takes checkouts, too."""
    base = world.changeable.webhook_base
    return None if base is None else base.removesuffix("/webhooks")
