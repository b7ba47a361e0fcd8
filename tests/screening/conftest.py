"""The small world of the workflow tests, here too."""

from tests.workflow.conftest import new_world

__all__ = ["new_world"]
