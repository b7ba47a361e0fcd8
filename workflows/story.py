"""The story of a run, as the Temporal web UI shows it to an operator under "current details"."""

from temporalio import workflow

_LINES = 40


class Story:
    def __init__(self) -> None:
        self._lines: list[str] = []

    def tell(self, line: str) -> None:
        """Add a line with its time. No personal data, tokens or links."""
        self._lines.append(f"- {workflow.now():%H:%M:%S} {line}")
        workflow.set_current_details("\n".join(self._lines[-_LINES:]))
