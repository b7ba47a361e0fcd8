"""Every setting, read from the environment once at start. Durations are seconds.

Gateway accounts have settings of their own: see `gateways/registry.py`.
"""

import re
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Self

from pydantic import Field, PostgresDsn, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.keys import BadKeys, KeyRing, load_keys
from domain.screening import ReviewDefault, ScreeningMode

_POSTGRES = TypeAdapter(PostgresDsn)


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    # A wrong value may be a secret: messages name the variable and do not repeat it.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    environment: Environment = Environment.DEVELOPMENT
    data_dir: Path = Path(".data")
    """Where the country and BIN data sets lie (`DATA_DIR/datasets`)."""

    database_url: str = "postgresql://smartpay@127.0.0.1:5432/smartpay"
    database_pool: int = Field(default=10, ge=1, le=200)
    """Connections a process keeps; twice as many at a peak."""

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_api_key: str | None = None
    temporal_tls: bool = False
    task_queue: str = "checkouts"
    workflow_task_timeout: float = Field(default=10.0, ge=1, le=120)
    """How long a dead worker's workflow tasks wait before another takes them."""
    sticky_queue_timeout: float = Field(default=2.0, ge=0.5, le=60)
    """How long a dead worker's cached runs wait for it."""

    api_host: str = "127.0.0.1"
    api_port: int = 8000
    public_url: str = "http://127.0.0.1:8000"
    """Where customers' browsers and gateways reach the API."""
    panel_dir: Path = Path(__file__).parent.parent / "panel" / "dist"
    """The built admin panel, served under `/admin`."""
    temporal_ui_url: str | None = None
    """Where operators find Temporal's web UI, for the panel's links into it."""
    default_wait: float = Field(default=4.0, ge=0, le=30)
    """How long POST /v1/checkouts waits for the outcome without `Prefer: wait`."""
    max_open_requests: int = Field(default=200, ge=1)
    """Checkouts an API process creates at once; more are refused with 429."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of the proxies whose `X-Forwarded-For` is believed."""
    rate_limit_per_key: float = Field(default=500.0, gt=0)
    """Requests a second with one API key, at each API process; twice as many at once."""
    rate_limit_per_address: float = Field(default=1000.0, gt=0)
    """Requests a second from one address, at each API process; twice as many at once."""
    rate_limit_forged: float = Field(default=5.0, gt=0)
    """Webhooks a second with a bad signature, 50 at once, after which an address's are not read any more."""
    require_return_origins: bool | None = None
    """Whether a merchant without origins may not name a `return_url` at all; unset: so in production."""
    expose_docs: bool | None = None
    """Whether `/docs` and `/openapi.json` answer; unset: not in production."""
    expose_metrics: bool | None = None
    """Whether the API's `/metrics` answers; unset: not in production."""

    temporal_ui_origin: str | None = None
    """The origin of Temporal's web UI (`https://temporal.example.com`), which may call the codec endpoint."""

    geo_database: Path | None = None
    """Your own mmdb file (GeoLite2, GeoIP2, DB-IP, ...) instead of the one in the data sets."""
    bin_database: Path | None = None
    """Your own card list (CSV with `bin` and `country`, or a built `bins.dat`) instead of the one there."""
    countries_file: Path = Path(__file__).parent / "supportedCountries.json"
    """The country map of the first routing policy."""
    overrides_file: Path = Path(__file__).parent / "gatewayOverrides.json"
    """Overrides of the first routing policy, where there is such a file."""

    max_attempts: int = Field(default=4, ge=1, le=10)
    """Accounts that one checkout may be sent to."""
    max_declines_per_card: int = Field(default=15, ge=1)
    """Declines of one card token in 24 hours after which it is not sent again.

    Visa limits re-attempts to 15 in 30 days, Mastercard to 10 in 24 hours for the soft declines.
    """
    charge_timeout: float = Field(default=40.0, gt=0)
    """Start-to-close of the charge: above connect plus read time-out of every account."""
    look_up_timeout: float = Field(default=40.0, gt=0)
    quiet_period: float | None = Field(default=None, ge=0)
    """Overrides every gateway's own quiet period. For the demo and tests; refused in production."""
    look_up_intervals: tuple[float, ...] = (1, 2, 4, 8, 15, 30, 60)
    """Pauses between look-ups of an unclear payment; the last one repeats."""
    action_poll_intervals: tuple[float, ...] = (5, 10, 20, 30, 60, 120, 300)
    """Pauses between look-ups while the customer acts; a webhook shortens them."""
    unresolved_after: float = Field(default=6 * 3600.0, gt=0)
    """An attempt that is unclear for so long puts the checkout into review."""
    start_within: float = Field(default=900.0, ge=10, le=86400)
    """How long an accepted checkout may wait, for want of a worker or a database, until its first send, and
    after an account's no until the next account's."""
    action_expires_after: float = Field(default=1800.0, ge=10, le=86400)
    """How long a customer may take over 3-D Secure, a prompt or a page."""
    max_not_sent_retries: int = Field(default=1, ge=0, le=10)
    """Tries again at the same account after a definite not-sent, before the next account."""
    not_sent_backoff: float = Field(default=0.5, ge=0)
    max_resends: int = Field(default=2, ge=0, le=10)
    """Sends again under the same key, at gateways that have keys, while an outcome is unclear."""

    watch_intervals: tuple[float, ...] = (60, 300, 900, 3600, 6 * 3600)
    """Pauses between look-ups of an attempt that was left behind; the last one repeats."""
    watch_for: float = Field(default=7 * 86400.0, gt=0)
    """How long an attempt that was left behind is watched for a late success."""

    alert_urls: SecretStr | None = None
    """Whom to tell of alerts: URLs of Apprise, parted by spaces. They may hold passwords."""
    notification_timeout: float = Field(default=5.0, gt=0, le=10)
    """How long one delivery to a merchant's address may take altogether."""
    notification_intervals: tuple[float, ...] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    """Pauses between deliveries of a notification; the last one repeats.

    The example schedule of the Standard Webhooks specification.
    """
    notification_give_up_after: float = Field(default=4 * 86400.0, gt=0)
    """How long a notification is tried; afterwards it is kept, and an alert tells."""
    notification_secret_overlap: float = Field(default=86400.0, ge=0)
    """How long a rotated secret signs beside the new one."""
    refund_intervals: tuple[float, ...] = (1, 2, 4, 8, 15, 30, 60, 300, 1800, 6 * 3600)
    """Pauses between looks at a refund that is not decided; the last one repeats, a webhook shortens them."""
    refund_overdue_after: float = Field(default=21 * 86400.0, gt=0)
    """A refund that the gateway has for so long without deciding it raises an alert. Stripe's pending refunds
    and Flutterwave's take days; one whose fate is unclear alerts after `unresolved_after` already."""

    reconcile_every: float = Field(default=6 * 3600.0, ge=0)
    """How often every account is reconciled; 0: only by command."""
    reconcile_window: float = Field(default=2 * 86400.0, gt=0)
    """How far back each reconciliation looks. Longer than `reconcile_every`, so that windows overlap."""
    reconcile_grace: float = Field(default=2 * 3600.0, ge=0)
    """So long after its send an attempt that is not decided here is in flight, not a break."""
    recover_after: float = Field(default=120.0, gt=0)
    """An open checkout of which nothing was heard for so long is asked after in Temporal, and started again
    where its run is lost. At least two `charge_timeout`."""
    circuit_failures: int = Field(default=5, ge=1, le=1000)
    """So many failures without a success between them open an account's circuit; or so many recent ones,
    where they are at least `circuit_failure_share` of the recent calls."""
    circuit_failure_share: float = Field(default=0.5, gt=0, le=1)
    circuit_window: float = Field(default=30.0, gt=0)
    """What is recent: a call's weight falls to 1/e in this time."""
    circuit_slow_after: float = Field(default=15.0, gt=0)
    """A charge that is answered later than this counts as a failure."""
    circuit_open_for: float = Field(default=15.0, gt=0)
    """How long a circuit stays open the first time; twice as long every time that it opens again soon."""
    circuit_open_at_most: float = Field(default=300.0, gt=0)
    scores_half_life: float = Field(default=600.0, gt=0)
    """An attempt counts half in its account's success rate after so long."""
    exploration_share: float = Field(default=0.05, ge=0, le=0.5)
    """Share of the checkouts that ask an account first which is not the best known, in order to learn."""
    fees_file: Path = Path(__file__).parent / "fees.json"
    dispute_intervals: tuple[float, ...] = (1, 2, 4, 8, 15, 30, 300, 3600, 6 * 3600, 86400)
    """Pauses between looks at a dispute that is not over; the last one repeats, a webhook shortens them."""
    dispute_scan_interval: float = Field(default=6 * 3600.0, ge=1)
    """Pause between listings of every account's disputes, for those of which no webhook told."""

    screening: ScreeningMode = ScreeningMode.ON
    """Whether checkouts are screened for fraud before the first attempt."""
    screening_file: Path | None = None
    """Changes of the screening rules; see `screening/rules.py`."""
    screening_review_expires_after: float = Field(default=3600.0, ge=1, le=7 * 86400)
    """How long a person has to decide about a checkout that screening holds back."""
    screening_review_default: ReviewDefault = ReviewDefault.DECLINE
    """What becomes of one that nobody has decided by then."""

    encryption_keys: SecretStr | None = None
    """`name:base64` pairs, the sealing key first; see `config/keys.py`. Production does not start without."""
    encryption_keys_file: Path | None = None
    """The same, one a line, in a file."""
    encrypt_histories: bool = True
    """Whether what Temporal stores is encrypted too, where there are keys."""

    log_json: bool = True
    log_level: str = "INFO"
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    """Where the worker serves its metrics, with `metrics_port`."""
    otel_exporter_otlp_endpoint: str | None = None
    """Where traces go: an OTLP receiver over HTTP. Unset: nothing is traced."""

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        _POSTGRES.validate_python(value)
        return value

    @field_validator("temporal_ui_origin")
    @classmethod
    def _is_origin(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", value) is None:
            raise ValueError("must be an origin as browsers send it: https://temporal.example.com")
        return value

    @model_validator(mode="after")
    def _waits_in_production(self) -> Self:
        """A shortened quiet period believes "not found" too early, which charges customers twice (I10)."""
        if self.environment is Environment.PRODUCTION and self.quiet_period is not None:
            raise ValueError("QUIET_PERIOD is for the demo and tests; it must be unset in production")
        return self

    @model_validator(mode="after")
    def _recovers_after_sends(self) -> Self:
        """A run that is started again while a send is on the way would look up too early."""
        if self.recover_after < 2 * self.charge_timeout:
            raise ValueError("RECOVER_AFTER must be at least twice CHARGE_TIMEOUT")
        if 0 < self.reconcile_window <= self.reconcile_every:
            raise ValueError("RECONCILE_WINDOW must be longer than RECONCILE_EVERY")
        return self

    @property
    def resend_unlooked_for(self) -> float:
        """Seconds after a send in which a repeat under its key needs no look-up first: as long as the send
        itself may take, and its repetition by Temporal after a worker's death."""
        return 2 * self.charge_timeout

    @model_validator(mode="after")
    def _keys_in_production(self) -> Self:
        if self.keys is None and self.environment is Environment.PRODUCTION:
            raise ValueError(
                "ENCRYPTION_KEYS: production does not start without; see `smartpay encryption new-key`"
            )
        return self

    @cached_property
    def keys(self) -> KeyRing | None:
        """The encryption keys. Raises BadKeys, at start."""
        text = None if self.encryption_keys is None else self.encryption_keys.get_secret_value()
        return load_keys(text, self.encryption_keys_file)

    @property
    def required_keys(self) -> KeyRing:
        """The same, where nothing works without. Raises BadKeys."""
        if self.keys is None:
            raise BadKeys("ENCRYPTION_KEYS is not set; make a key with `smartpay encryption new-key`")
        return self.keys

    @property
    def allow_loopback(self) -> bool:
        """Whether a merchant's addresses may mean this machine: never in production."""
        return self.environment is not Environment.PRODUCTION

    @property
    def return_origins_required(self) -> bool:
        production = self.environment is Environment.PRODUCTION
        return production if self.require_return_origins is None else self.require_return_origins

    @property
    def docs_exposed(self) -> bool:
        return self._unless_production(self.expose_docs)

    @property
    def metrics_exposed(self) -> bool:
        return self._unless_production(self.expose_metrics)

    def _unless_production(self, chosen: bool | None) -> bool:
        """What was chosen; otherwise yes everywhere but in production."""
        return self.environment is not Environment.PRODUCTION if chosen is None else chosen

    @property
    def datasets_dir(self) -> Path:
        return self.data_dir / "datasets"

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL for SQLAlchemy on asyncpg."""
        _, _, rest = self.database_url.partition("://")
        return f"postgresql+asyncpg://{rest}"
