"""What `/metrics` tells of routing: the policy in force here, and how old its data is."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from activities.policy_in_force import PolicyInForce


class _Routing(Collector):
    def __init__(self, policy: PolicyInForce) -> None:
        self._policy = policy

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = self._policy.status()
        yield GaugeMetricFamily(
            "smartpay_routing_policy_version",
            "Version of the routing policy in force in this process.",
            status.policy_version,
        )
        yield GaugeMetricFamily(
            "smartpay_routing_policy_fault",
            "1: the newest version cannot be used, an older one is in force.",
            int(status.fault is not None),
        )
        ages = GaugeMetricFamily("smartpay_routing_data_age_seconds", "Age of a data set.", labels=["data"])
        faults = GaugeMetricFamily(
            "smartpay_routing_data_fault", "1: the file there now cannot be used.", labels=["data"]
        )
        for data in status.data:
            ages.add_metric([data.name], data.age_days * 86400)
            faults.add_metric([data.name], int(data.fault is not None))
        yield ages
        yield faults


@contextmanager
def measured(policy: PolicyInForce) -> Iterator[None]:
    """Measure it for as long as the application runs."""
    collector = _Routing(policy)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)
