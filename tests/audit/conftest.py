from tests.refunds.conftest import new_till
from tests.workflow.conftest import new_world

__all__ = ["new_till", "new_world"]
