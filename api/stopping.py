"""That this process has been asked to end, for what would otherwise never end by itself.

A server waits for the answers that are open before it tells the application; a stream would keep it waiting.
"""

from types import FrameType

import uvicorn


class Stopping:
    """Asked, or not yet."""

    def __init__(self) -> None:
        self.asked = False


class Server(uvicorn.Server):
    """Says so as soon as the signal comes."""

    def __init__(self, config: uvicorn.Config, stopping: Stopping) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.asked = True
        super().handle_exit(sig, frame)
