"""The page of keys is the schema's, and every example on it is one."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from routing.policy import Condition, Policy, Rule, Then
from routing.policy_reference import EXAMPLES, reference
from tests.routing.conftest import ROOT

PAGE: Path = ROOT / "docs" / "routing-policy.md"


def test_the_page_is_what_the_schema_says() -> None:
    assert PAGE.read_text() == reference(), "run: python -m routing.policy_reference > docs/routing-policy.md"


def models(schema: dict[str, Any]) -> set[str]:
    kinds = schema["$defs"].items()
    return {name for name, kind in kinds if kind.get("type") == "object"} | {schema["title"]}


def test_every_model_and_key_has_an_example() -> None:
    assert {model.__name__ for model in EXAMPLES} == models(Policy.model_json_schema())
    for model, examples in EXAMPLES.items():
        assert examples.keys() == model.model_fields.keys(), model


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
def test_every_example_is_valid(model: type[BaseModel]) -> None:
    for key, value in EXAMPLES[model].items():
        field: Any = model.model_fields[key]
        TypeAdapter(field.rebuild_annotation()).validate_python(value)
    if model not in (Condition, Then):  # of those only one key may be given
        model.model_validate(EXAMPLES[model])
    assert Rule.model_validate(EXAMPLES[Rule]).name
