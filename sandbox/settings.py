"""How one sandbox process is run."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.database import Database


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    """Control surface and pages; also serves every gateway under its name. 0: any free port."""
    gateway_ports: tuple[tuple[str, int], ...] = ()
    webhook_base: str | None = None
    """Webhooks go to `{webhook_base}/{account}`. None: as last set, else nowhere."""
    public_url: str | None = None
    """Where browsers reach the control port, if not at its own address."""
    prompt_seconds: float = 1.5
    """How long a customer takes to answer a prompt on their phone."""
    refund_seconds: float = 0.5
    """How long an accepted refund takes where the gateway settles it later."""
    search_seconds: float = 1.0
    """How long a new payment stays invisible to a search that is eventually consistent."""
    seed: int | None = None
    """Of the generator that decides faults by probability."""


class Changeable:
    """Settings that can change while running, kept over a restart."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        row = database.row("SELECT value FROM setting WHERE name = 'webhook_base'")
        self._webhook_base = None if row is None else str(row["value"])
        if settings.webhook_base is not None:
            self.set_webhook_base(settings.webhook_base)

    @property
    def webhook_base(self) -> str | None:
        return self._webhook_base

    def set_webhook_base(self, value: str | None) -> None:
        self._webhook_base = value.rstrip("/") if value else None
        if self._webhook_base is None:
            self._database.run("DELETE FROM setting WHERE name = 'webhook_base'")
        else:
            self._database.run(
                "INSERT INTO setting (name, value) VALUES ('webhook_base', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                self._webhook_base,
            )
