"""Metrics in the code, in the reference, on the dashboard and in the alert rules are the same ones."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # has no types

from devstack.programs import ROOT
from tests.test_docs import rows, section

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "smartpay.json"
SDK = frozenset({"temporal_workflow_task_execution_failed"})
"""Of Temporal's SDK metrics (docs.temporal.io/references/sdk-metrics), those that are used."""

_DECLARED = re.compile(
    r"""(?:(\w*MetricFamily|Counter|Gauge|Histogram)\(\s*|Final\s=\s)"(smartpay_[a-z_]+)[",]""", re.VERBOSE
)


def in_code() -> set[str]:
    """As Prometheus shows them: it adds `_total` to the name of a counter."""
    found = set()
    for directory in ("activities", "api"):
        for file in (ROOT / directory).rglob("*.py"):
            for kind, name in _DECLARED.findall(file.read_text()):
                counter = kind.startswith("Counter") and not name.endswith("_total")
                found.add(f"{name}_total" if counter else name)
    return found


def named(expression: str) -> set[str]:
    names = set(re.findall(r"\b(?:smartpay|temporal)_[a-z_]+", expression))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_metric_is_in_the_reference_and_nothing_else() -> None:
    assert len(in_code()) > 15
    assert {row[0] for row in rows(section("docs/observability.md", "Metrics"))} == in_code()


def test_the_dashboard_shows_every_metric_and_none_that_is_not() -> None:
    shown = {name for each in expressions() for name in named(each)}
    assert shown - SDK == in_code()


def test_the_alert_rules_ask_for_metrics_that_are() -> None:
    for rule in rules():
        asked = named(rule["expr"])
        assert asked
        assert asked <= in_code() | SDK, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_runbook_has_a_section_for_every_alert_and_no_other() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert headings == list(dict.fromkeys(headings))
    assert set(headings) == {rule["alert"] for rule in rules()}
    assert [rule["annotations"]["runbook"] for rule in rules()] == [
        f"docs/runbook.md#{rule['alert'].lower()}" for rule in rules()
    ]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_prometheus_takes_the_rules() -> None:
    told = subprocess.run(  # noqa: S603
        [shutil.which("promtool") or "", "check", "rules", str(ALERTS)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode == 0, told.stdout + told.stderr
