"""The policy's thresholds stand in for the settings of a process, each where it is given."""

import pytest

from domain.circuit import CircuitRules
from routing.policy import Thresholds
from routing.scores import ScoreRules
from routing.thresholds import circuit_rules, score_rules

CIRCUITS = CircuitRules(failures=1000, share=0.3, window=9.5)
SCORES = ScoreRules(exploration=0.2, half_life=60.0)


def test_what_is_left_out_is_as_the_settings_say() -> None:
    assert circuit_rules(CIRCUITS, Thresholds()) == CIRCUITS
    assert score_rules(SCORES, Thresholds()) == SCORES


@pytest.mark.parametrize(
    ("threshold", "value", "rule", "counts"),
    [
        ("circuit_failures", 3, "failures", 3),
        ("circuit_failure_percent", 60, "share", 0.6),
        ("circuit_window", 60, "window", 60),
        ("circuit_slow_after", 10, "slow_after", 10),
        ("circuit_open_for", 30, "open_for", 30),
        ("circuit_open_at_most", 600, "open_at_most", 600),
        ("circuit_probe_for", 20, "probe_for", 20),
        ("score_half_life", 3600, "half_life", 3600),
        ("exploration_percent", 0, "exploration", 0),
    ],
)
def test_every_threshold_counts_and_touches_nothing_else(
    threshold: str, value: int, rule: str, counts: float
) -> None:
    told = Thresholds.model_validate({threshold: value})
    before = vars(CIRCUITS) | vars(SCORES)
    after = vars(circuit_rules(CIRCUITS, told)) | vars(score_rules(SCORES, told))
    assert after == before | {rule: counts}


def test_every_threshold_is_in_the_table_above() -> None:
    (table,) = (
        mark
        for mark in test_every_threshold_counts_and_touches_nothing_else.pytestmark  # type: ignore[attr-defined]  # pytest's own
    )
    assert {case[0] for case in table.args[1]} == set(Thresholds.model_fields)
