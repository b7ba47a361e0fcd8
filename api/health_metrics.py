"""The accounts' health for Prometheus. It is the installation's: every API process tells the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from activities.account_health import AccountHealth
from domain.circuit import CircuitState, Mode

STATES: Final = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}


class HealthCollector(Collector):
    def __init__(self, health: AccountHealth) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Reads the process's snapshot: no query."""
        snapshot, now = self._health.snapshot, self._health.now()
        part = ["account", "method"]
        state = GaugeMetricFamily(
            "smartpay_account_circuit_state", "0 closed, 1 half open, 2 open.", labels=part
        )
        opens = CounterMetricFamily(
            "smartpay_account_circuit_opens", "How often a circuit has opened.", labels=part
        )
        mode = GaugeMetricFamily(
            "smartpay_account_mode", "1 for what an operator says.", labels=["account", "mode"]
        )
        for key, circuit in snapshot.circuits.items():
            state.add_metric(list(key), STATES[circuit.shown(now)])
            opens.add_metric(list(key), self._health.opens.get(key, 0))
        for account, said in snapshot.modes.items():
            if said is not Mode.AUTO:
                mode.add_metric([account, said], 1)
        scores = GaugeMetricFamily(
            "smartpay_account_success_rate",
            "Expected of an attempt.",
            labels=["account"],
        )
        known = self._health.scores
        for account in {account for account, _ in known.tallies}:
            scores.add_metric([account], known.expected(account, ("",))[0])
        return iter((state, opens, mode, scores))


@contextmanager
def measured(health: AccountHealth) -> Iterator[None]:
    """Inside, `/metrics` tells of it."""
    collector = HealthCollector(health)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)
