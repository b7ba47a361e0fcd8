"""The rules of circuits and scores: a process's settings, with what the policy says in their place."""

from dataclasses import replace
from typing import Any

from domain.circuit import CircuitRules
from routing.policy import Thresholds
from routing.scores import ScoreRules


def circuit_rules(settings: CircuitRules, told: Thresholds) -> CircuitRules:
    return replace(
        settings,
        **_told(
            failures=told.circuit_failures,
            share=_share(told.circuit_failure_percent),
            window=told.circuit_window,
            slow_after=told.circuit_slow_after,
            open_for=told.circuit_open_for,
            open_at_most=told.circuit_open_at_most,
            probe_for=told.circuit_probe_for,
        ),
    )


def score_rules(settings: ScoreRules, told: Thresholds) -> ScoreRules:
    return replace(
        settings,
        **_told(half_life=told.score_half_life, exploration=_share(told.exploration_percent)),
    )


def _share(percent: int | None) -> float | None:
    return None if percent is None else percent / 100


def _told(**values: float | None) -> dict[str, Any]:
    """Those that are not left out."""
    return {name: value for name, value in values.items() if value is not None}
