"""Every simulated gateway: the packages in here that hold a `gateway` module with a `GATEWAY`.

Nothing else names them: the server, its options, the development stack and its credentials all ask here.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter

import sandbox
from sandbox.exchange import Simulator
from sandbox.world import World


@dataclass(frozen=True)
class Part:
    """One gateway in one running sandbox."""

    simulator: Simulator
    pages: APIRouter
    """What its customers see."""


@dataclass(frozen=True)
class SimulatedGateway:
    """What a gateway's package declares."""

    name: str
    port: int
    """Its own port in the development stack, unless the environment says otherwise."""
    credentials: Callable[[str], Mapping[str, str]]
    """Account -> what its adapter's credentials must hold; they open nothing anywhere else."""
    build: Callable[[World], Part]


def gateways() -> Mapping[str, SimulatedGateway]:
    """By name, in alphabetical order."""
    found: dict[str, SimulatedGateway] = {}
    for package in pkgutil.iter_modules(sandbox.__path__, "sandbox."):
        module = f"{package.name}.gateway"
        if package.ispkg and importlib.util.find_spec(module) is not None:
            declared: SimulatedGateway = importlib.import_module(module).GATEWAY
            found[declared.name] = declared
    return dict(sorted(found.items()))
