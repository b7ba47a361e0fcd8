"""The tables. Columns that carry money are integers of minor units; times are UTC.

The schema itself is made by the migrations alone; these classes describe it to queries.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, DateTime, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

_NOW = {"server_default": func.now()}
_TIME = DateTime(timezone=True)
_BIGINT = BigInteger


def _created() -> Any:
    return Field(default=None, sa_type=_TIME, nullable=False, sa_column_kwargs=_NOW)


def _time() -> Any:
    return Field(default=None, sa_type=_TIME, nullable=True)


def _json(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=nullable)


class Merchant(SQLModel, table=True):
    __tablename__ = "merchants"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    created_at: datetime = _created()


class ApiKey(SQLModel, table=True):
    """Only the SHA-256 of a key is kept: it has 256 random bits, so a slow hash would add nothing."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id", index=True)
    prefix: str
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    created_at: datetime = _created()
    revoked_at: datetime | None = _time()
    scopes: list[str] | None = _json()
    """`KeyScope`s; None: all."""
    expires_at: datetime | None = _time()
    """When it ends by itself, after a rotation."""
    last_used_at: datetime | None = _time()
    """To the minute."""


class Checkout(SQLModel, table=True):
    __tablename__ = "checkouts"
    __table_args__ = (
        UniqueConstraint("merchant_id", "idempotency_key", name="uq_checkouts_idempotency"),
        Index("ix_checkouts_merchant_created", "merchant_id", "created_at", "id"),
        Index("ix_checkouts_all_created", "created_at", "id"),
        Index("ix_checkouts_all_status", "status", "created_at", "id"),
        Index("ix_checkouts_all_gateway", "gateway", "created_at", "id"),
        Index("ix_checkouts_all_account", "account", "created_at", "id"),
        Index("ix_checkouts_all_currency", "currency", "created_at", "id"),
        Index("ix_checkouts_all_country", text("(routing #>> '{country,code}')"), "created_at", "id"),
        Index("ix_checkouts_all_reference", text("reference text_pattern_ops")),
        Index("ix_checkouts_all_bin", text("(payment_method ->> 'bin') text_pattern_ops")),
        Index(
            "ix_checkouts_unplanned",
            "created_at",
            postgresql_where=text("planned_at IS NULL AND status = 'processing'"),
        ),
        Index("ix_checkouts_data_key", "data_key_id", postgresql_where=text("data_key_id IS NOT NULL")),
        Index(
            "ix_checkouts_planned",
            text("planned_at DESC"),
            text("id DESC"),
            postgresql_where=text("planned_at IS NOT NULL"),
        ),
        *(
            Index(
                f"ix_checkouts_{name}",
                "merchant_id",
                name,
                "created_at",
                "id",
                postgresql_where=text(f"{name} IS NOT NULL"),
            )
            for name in ("reference", "gateway")
        ),
        Index(
            "ix_checkouts_status",
            "merchant_id",
            "status",
            "created_at",
            "id",
            postgresql_where=text("status <> 'succeeded'"),
        ),
    )

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id")
    idempotency_key: str
    request_digest: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the validated request: the same key with another body is refused."""
    reference: str | None
    status: str
    review_reason: str | None = None
    amount: int = Field(sa_type=_BIGINT)
    currency: str
    amount_captured: int = Field(default=0, sa_type=_BIGINT)
    amount_refunded: int = Field(default=0, sa_type=_BIGINT)
    capture_method: str
    customer: dict[str, Any] = _json(nullable=False)
    """What is not personal of it: `storage/personal.py` says what that is, and opens the rest."""
    payment_method: dict[str, Any] = _json(nullable=False)
    """The same."""
    personal: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What is personal of both, as JSON sealed with the data key."""
    data_key_id: str | None = Field(default=None, foreign_key="data_keys.id")
    """None: nothing is personal, or the person was erased."""
    allow_redirect: bool
    gateway_choice: str | None
    return_url: str | None
    notification_url: str | None
    meta: dict[str, str] = _json(nullable=False)
    gateway: str | None = None
    account: str | None = None
    paid_attempt_id: str | None = None
    """The attempt whose money this checkout holds. Money on any other attempt goes back."""
    next_action: dict[str, Any] | None = _json()
    decline: dict[str, Any] | None = _json()
    routing: dict[str, Any] | None = _json()
    screening: dict[str, Any] | None = _json()
    """`Assessment`; None: screening is off. Not for merchants."""
    planned_at: datetime | None = _time()
    created_at: datetime = _created()
    updated_at: datetime = _created()


class Attempt(SQLModel, table=True):
    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("checkout_id", "number", name="uq_attempts_number"),
        Index(
            "ix_attempts_declined_cards", "card", "created_at", postgresql_where=text("status = 'declined'")
        ),
        Index("ix_attempts_gateway_payment", "gateway_payment_id"),
        Index("ix_attempts_ended", "ended_at", "id", postgresql_where=text("ended_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    checkout_id: str = Field(foreign_key="checkouts.id")
    number: int
    gateway: str
    account: str
    method: str
    status: str
    sent_at: datetime | None = _time()
    """When the first send that may have left was committed; None: provably nothing has left."""
    last_sent_at: datetime | None = _time()
    sends: int = 0
    gateway_payment_id: str | None = None
    page_url: str | None = None
    """The gateway's page, once handed out."""
    closed_at: datetime | None = _time()
    """When the gateway confirmed that the page or challenge is closed."""
    return_url: str | None = None
    expires_at: datetime | None = _time()
    """What the first send said, for every other send to say the same (I8)."""
    unknown_since: datetime | None = _time()
    """When its outcome first was unknown."""
    detail: str | None = None
    """The last unclear or unexpected answer, in words for the operator."""
    decline: dict[str, Any] | None = _json()
    card: bytes | None = Field(default=None, sa_type=LargeBinary)
    """SHA-256 of the card token, to count declines per card."""
    amount_captured: int = Field(default=0, sa_type=_BIGINT)
    amount_refunded: int = Field(default=0, sa_type=_BIGINT)
    amount_reserved: int = Field(default=0, sa_type=_BIGINT)
    """Refunds under way. A constraint holds `amount_refunded + amount_reserved <= amount_captured` (I12)."""
    created_at: datetime = _created()
    ended_at: datetime | None = _time()


class Refund(SQLModel, table=True):
    """Money on its way back, whoever asked for it."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("merchant_id", "idempotency_key", name="uq_refunds_idempotency"),
        Index("ix_refunds_attempt", "attempt_id"),
        Index("ix_refunds_open", "looked_at", postgresql_where=text("status NOT IN ('succeeded', 'failed')")),
    )

    id: str = Field(primary_key=True)
    checkout_id: str = Field(foreign_key="checkouts.id", index=True)
    attempt_id: str = Field(foreign_key="attempts.id")
    merchant_id: str | None = Field(default=None, foreign_key="merchants.id")
    """Who asked, with the key and the digest of the request; None: nobody did, it is a compensation."""
    idempotency_key: str | None = None
    request_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    kind: str
    """`RefundKind`."""
    amount: int = Field(sa_type=_BIGINT)
    reason: str | None = None
    status: str
    """`RefundState`."""
    sent_at: datetime | None = _time()
    """When the first send that may have left was committed; None: provably nothing has left."""
    last_sent_at: datetime | None = _time()
    sends: int = 0
    looked_at: datetime | None = _time()
    """When a worker last had it in hand; None: its run has not begun."""
    gateway_refund_id: str | None = None
    """The gateway has it: from here on it is only looked up."""
    failure_code: str | None = None
    """`RefundFailure`, once it failed."""
    detail: str | None = None
    """The last unclear or negative answer, in words for the operator."""
    reopened: int = 0
    """How often it was begun anew after the gateway had it and failed. Each time has a key of its own."""
    created_at: datetime = _created()
    updated_at: datetime = _created()


class CheckoutEvent(SQLModel, table=True):
    """What happened to a checkout, in order: the timeline that people read, written with the change."""

    __tablename__ = "checkout_events"
    __table_args__ = (
        Index("ix_checkout_events_checkout", "checkout_id", "id"),
        Index(
            "ix_checkout_events_errors",
            "at",
            postgresql_where=text(
                "kind IN ('attempt.declined', 'attempt.not_sent', 'attempt.unknown', 'attempt.mismatch',"
                " 'attempt.late_success', 'capture.failed', 'capture.refused', 'refund.failed',"
                " 'notification.undeliverable')"
            ),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIGINT)
    checkout_id: str = Field(foreign_key="checkouts.id")
    attempt_id: str | None = None
    kind: str
    data: dict[str, Any] = _json(nullable=False)
    at: datetime = _created()


class WebhookEventRow(SQLModel, table=True):
    """The inbox: a webhook is stored before it is acknowledged (I20)."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("account", "dedupe_key", name="uq_webhook_events_dedupe"),
        Index("ix_webhook_events_undelivered", "received_at", postgresql_where=text("delivered_at IS NULL")),
        Index("ix_webhook_events_reference", "reference"),
        Index("ix_webhook_events_account", "account", "received_at"),
        Index("ix_webhook_events_payment_id", "payment_id"),
    )

    id: str = Field(primary_key=True)
    account: str
    dedupe_key: str
    """The gateway's event id, or the SHA-256 of the raw body where it has none."""
    kind: str
    reference: str | None
    payment_id: str | None
    received_at: datetime = _created()
    delivered_at: datetime | None = _time()
    """When the running workflow was told, or when nobody was left to tell (`disposition` says which)."""
    disposition: str | None = None
    subject: str = "payment"
    """`EventSubject`."""
    notice: str | None = None
    """What it vouches for, where its gateway's look-ups live on that (`WebhookEvent.notice`)."""


class Alert(SQLModel, table=True):
    """Something a person has to know. One open alert per kind and subject."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("kind", "subject", name="uq_alerts_subject"),
        Index("ix_alerts_created", "created_at"),
        Index("ix_alerts_open", "id", postgresql_where=text("acknowledged_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    """Id of what it is about: a checkout, an attempt, an account."""
    message: str
    created_at: datetime = _created()
    acknowledged_at: datetime | None = _time()


class AlertDelivery(SQLModel, table=True):
    """An alert, as one target of `ALERT_URLS` is told it: what was raised may have been raised anew since."""

    __tablename__ = "alert_deliveries"
    __table_args__ = (
        Index(
            "ix_alert_deliveries_due",
            "target",
            "next_at",
            postgresql_where=text("delivered_at IS NULL AND gave_up_at IS NULL"),
        ),
    )

    alert_id: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    """Its kind and a digest: the URL may hold a password."""
    kind: str
    subject: str
    message: str
    raised_at: datetime = _created()
    attempts: int = 0
    next_at: datetime = _created()
    delivered_at: datetime | None = _time()
    gave_up_at: datetime | None = _time()
    last_error: str | None = None


class MerchantSecret(SQLModel, table=True):
    """What a merchant's notifications are signed with: sealed, since a signature needs the secret itself."""

    __tablename__ = "merchant_secrets"
    __table_args__ = (
        Index(
            "uq_merchant_secrets_current",
            "merchant_id",
            unique=True,
            postgresql_where=text("expires_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIGINT)
    merchant_id: str = Field(foreign_key="merchants.id", index=True)
    sealed: bytes = Field(sa_type=LargeBinary)
    """`whsec_` and base64, as the Standard Webhooks specification has it, under an encryption key."""
    key: str
    """The name of that key."""
    created_at: datetime = _created()
    expires_at: datetime | None = _time()
    """None: the current one, exactly one per merchant. A rotated one still signs until then."""


class Notification(SQLModel, table=True):
    """The outbox: what a merchant has to be told, written in the transaction of the change (I24)."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("checkout_id", "sequence", name="uq_notifications_sequence"),
        Index("ix_notifications_due", "start_at", postgresql_where=text("start_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id")
    checkout_id: str = Field(foreign_key="checkouts.id")
    sequence: int
    """Per checkout, from 1: the order in which things happened, whatever order they arrive in."""
    type: str
    data: dict[str, Any] = _json(nullable=False)
    """The checkout as it was at the change, in the API's field names; no personal data, no link, no token."""
    url: str
    created_at: datetime = _created()
    start_at: datetime | None = _time()
    """When a delivery run has to be started, at the earliest; None: one has been."""
    attempts: int = 0
    last_attempt_at: datetime | None = _time()
    last_status: int | None = None
    """HTTP status of the last answer; None where there was none."""
    last_fault: str | None = None
    """Why the last attempt got no answer, as a code."""
    delivered_at: datetime | None = _time()
    gave_up_at: datetime | None = _time()


class Reconciliation(SQLModel, table=True):
    """One comparison of our books with an account's, over the payments made in a window."""

    __tablename__ = "reconciliations"
    __table_args__ = (Index("ix_reconciliations_started", "started_at"),)

    id: str = Field(primary_key=True)
    account: str
    since: datetime = Field(sa_type=_TIME)
    """The window: payments created at the gateway from here ..."""
    until: datetime = Field(sa_type=_TIME)
    """... to just before here."""
    status: str
    """`ReconciliationStatus`."""
    listed: int = 0
    """Payments compared so far."""
    unreadable: int = 0
    """Rows of the gateway's list that made no sense."""
    counts: dict[str, int] | None = _json()
    """`Verdict` -> how many, once it has ended."""
    detail: str | None = None
    """Why it failed."""
    started_at: datetime = _created()
    ended_at: datetime | None = _time()


class ReconciliationItem(SQLModel, table=True):
    """What a running reconciliation has compared already; gone when it ends."""

    __tablename__ = "reconciliation_items"
    __table_args__ = (Index("ix_reconciliation_items_reference", "reconciliation_id", "reference"),)

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliations.id")
    subject: str = Field(primary_key=True)
    """The gateway's payment id, or the attempt's id where the gateway lists none."""
    reference: str | None
    verdict: str
    live: bool
    """The gateway holds money under it."""


class ReconciliationBreak(SQLModel, table=True):
    """A payment about which we and the gateway disagree, until a later run sees that they agree."""

    __tablename__ = "reconciliation_breaks"
    __table_args__ = (
        UniqueConstraint("account", "subject", name="uq_reconciliation_breaks_subject"),
        Index("ix_reconciliation_breaks_open", "account", "id", postgresql_where=text("resolved_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    account: str
    subject: str
    """The gateway's payment id, or the attempt's id where the gateway lists none."""
    reconciliation_id: str
    """The last run that saw it."""
    verdict: str
    """`Verdict`, one of its breaks."""
    fields: list[str] = _json(nullable=False)
    """In what the sides disagree, for a mismatch."""
    reference: str | None
    """The attempt's id, where the payment bears one."""
    payment_id: str | None
    ours: dict[str, Any] | None = _json()
    """Status and figures here; None: we know nothing of it."""
    theirs: dict[str, Any] | None = _json()
    """Status and figures there; None: the gateway knows nothing of it."""
    first_seen: datetime = _created()
    last_seen: datetime = _created()
    resolved_at: datetime | None = _time()


class Dispute(SQLModel, table=True):
    """A customer's dispute at the bank, as the gateway's own look-up tells it."""

    __tablename__ = "disputes"
    __table_args__ = (UniqueConstraint("attempt_id", "gateway_dispute_id", name="uq_disputes_gateway_id"),)

    id: str = Field(primary_key=True)
    checkout_id: str = Field(foreign_key="checkouts.id", index=True)
    attempt_id: str = Field(foreign_key="attempts.id")
    gateway_dispute_id: str
    status: str
    """`DisputeStatus`."""
    amount: int = Field(sa_type=_BIGINT)
    currency: str
    reason: str | None = None
    """The gateway's word for it."""
    opened_at: datetime = _created()
    closed_at: datetime | None = _time()
    looked_at: datetime = _created()
    """When the look-up began that its status is from: an older one does not overwrite it."""


class Operator(SQLModel, table=True):
    """Who may see and steer the installation."""

    __tablename__ = "operators"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    role: str
    """`Role`."""
    created_at: datetime = _created()
    disabled_at: datetime | None = _time()
    """None of an operator's tokens is worth anything from then on."""


class OperatorToken(SQLModel, table=True):
    """Only the SHA-256 of a token is kept, as of a merchant's key."""

    __tablename__ = "operator_tokens"

    id: str = Field(primary_key=True)
    operator_id: str = Field(foreign_key="operators.id", index=True)
    prefix: str
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    created_at: datetime = _created()
    last_used_at: datetime | None = _time()
    """To the minute."""
    revoked_at: datetime | None = _time()


class AuditEntry(SQLModel, table=True):
    """The audit log. Rows are only ever added: triggers and rights refuse anything else."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_subject", "subject", "id"),
        Index("ix_audit_log_checkout", "checkout_id", "id", postgresql_where=text("checkout_id IS NOT NULL")),
        Index("ix_audit_log_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIGINT)
    actor: str
    """An operator's id, `cli:{unix user}`, `system`, or `database:{user}` for a change by hand."""
    action: str
    """What was done: `operator.created`, `switch.frozen`, `checkout.succeeded`, ..."""
    subject: str
    """Id or name of what it was done to."""
    checkout_id: str | None = None
    """The checkout that a transition belongs to."""
    result: str = "success"
    origin: str = Field(
        default=None,
        sa_column_kwargs={"server_default": text("current_setting('application_name')")},
    )
    """`api {address}`, or the program: `smartpay worker`, `smartpay cli`, `psql`."""
    before: dict[str, Any] | None = _json()
    after: dict[str, Any] | None = _json()
    reason: str | None = None
    at: datetime = _created()


class AuditSeal(SQLModel, table=True):
    """A link of the chain over the audit log: `domain/audit.py` has what it means."""

    __tablename__ = "audit_seals"

    number: int = Field(primary_key=True, sa_type=_BIGINT)
    at: datetime = _created()
    ids: list[int] = Field(sa_type=ARRAY(_BIGINT))
    digests: bytes = Field(sa_type=LargeBinary)
    last_id: int = Field(sa_type=_BIGINT)
    previous: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    key: str
    """The name of the encryption key that signed the hash."""
    signature: bytes = Field(sa_type=LargeBinary)
    purged_at: datetime | None = _time()
    """Its entries have left the database for an archive since then; the seal stays."""


class FrozenSwitch(SQLModel, table=True):
    """A switch that is frozen now. What was is in `audit_log`."""

    __tablename__ = "switches"

    kind: str = Field(primary_key=True)
    """`Switch`."""
    account: str = Field(primary_key=True)
    """Empty: all accounts."""
    reason: str
    actor: str
    """Who froze it, as in `audit_log`."""
    since: datetime = _created()


class PolicyVersion(SQLModel, table=True):
    """One version of the routing policy. Rows are only ever added: the highest one is in force."""

    __tablename__ = "policy_versions"

    version: int = Field(primary_key=True)
    document: dict[str, Any] = _json(nullable=False)
    author: str
    """An operator's id, `cli:{unix user}`, or `config` for the one that the files made."""
    reason: str | None = None
    diff: list[dict[str, Any]] = _json(nullable=False)
    """Against the version before: `[{path, before, after}]`."""
    at: datetime = _created()


class OperatorCredential(SQLModel, table=True):
    """What an operator signs in with."""

    __tablename__ = "operator_credentials"

    operator_id: str = Field(primary_key=True, foreign_key="operators.id")
    password_hash: str
    """Argon2id, in its own text form."""
    totp_secret: bytes = Field(sa_type=LargeBinary)
    """Sealed: a code cannot be checked without the secret itself."""
    key: str
    """The name of the encryption key that seals it."""
    totp_step: int | None = Field(default=None, sa_type=_BIGINT)
    """The 30 seconds of the last code that was taken: it and those before are worth nothing any more."""
    failures: int = 0
    """Wrong tries in a row."""
    locked_until: datetime | None = _time()
    changed_at: datetime = _created()


class OperatorSession(SQLModel, table=True):
    """A person who is signed in. Only the SHA-256 of the session's id is kept."""

    __tablename__ = "operator_sessions"

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    operator_id: str = Field(foreign_key="operators.id", index=True)
    created_at: datetime = _created()
    last_used_at: datetime = _created()
    """To half a minute."""


class AccountCircuit(SQLModel, table=True):
    """The circuit of an account and method (`domain/circuit.py`). Written only while something fails."""

    __tablename__ = "account_circuits"

    account: str = Field(primary_key=True)
    method: str = Field(primary_key=True)
    version: int = Field(default=0, sa_type=_BIGINT)
    """A change is written only where it is still the one that was read."""
    state: str
    """`CircuitState`."""
    good: float = 0.0
    bad: float = 0.0
    streak: int = 0
    counted_at: datetime | None = _time()
    opened_at: datetime | None = _time()
    closed_at: datetime | None = _time()
    retry_at: datetime | None = _time()
    probing_since: datetime | None = _time()
    again: int = 0
    opens: int = Field(default=0, sa_type=_BIGINT)
    """How often it has opened, ever."""
    last_failure: str | None = None


class AccountMode(SQLModel, table=True):
    """What an operator has said of an account; none: `auto`. What was is in `audit_log`."""

    __tablename__ = "account_modes"

    account: str = Field(primary_key=True)
    mode: str
    """`Mode`."""
    reason: str
    actor: str
    """Who said it, as in `audit_log`."""
    since: datetime = _created()


class AccountScore(SQLModel, table=True):
    """What became of an account's attempts in one group of checkouts, faded to `as_of`."""

    __tablename__ = "account_scores"

    account: str = Field(primary_key=True)
    grouping: str = Field(primary_key=True)
    """`method/currency/country/network`, cut off behind any part: coarser; empty: everything."""
    good: float
    bad: float
    as_of: datetime = _created()


class AccountScoresState(SQLModel, table=True):
    """How far attempts are counted. One row."""

    __tablename__ = "account_scores_state"

    id: int = Field(default=1, primary_key=True)
    version: int = Field(default=0, sa_type=_BIGINT)
    """One more with every change: what decided a checkout is named by it."""
    counted_to: datetime = _created()
    counted_id: str = ""
    """The last attempt counted, by (`ended_at`, id)."""
    taken_at: datetime = _created()


class MerchantOrigin(SQLModel, table=True):
    """Where a merchant's customers may be sent back to: an entry of the allow-list for `return_url`."""

    __tablename__ = "merchant_origins"

    merchant_id: str = Field(primary_key=True, foreign_key="merchants.id")
    origin: str = Field(primary_key=True)
    """`https://host`, or `https://host:port` where the port is not 443; the host in lower-case ASCII."""
    created_at: datetime = _created()


class Sighting(SQLModel, table=True):
    """What screening has seen of one checkout, to count later ones by. Keyed digests, nothing in clear but
    the first six digits of a card. One row a checkout: no row is ever waited for."""

    __tablename__ = "sightings"
    __table_args__ = (
        Index("ix_sightings_merchant", "merchant_id", "at"),
        *(
            Index(
                f"ix_sightings_{name}",
                "merchant_id",
                name,
                "at",
                postgresql_where=text(f"{name} IS NOT NULL"),
            )
            for name in ("card", "email", "ip", "bin")
        ),
        Index("ix_sightings_at", "at"),
    )

    checkout_id: str = Field(primary_key=True, foreign_key="checkouts.id")
    merchant_id: str
    at: datetime = _created()
    amount: int = Field(sa_type=_BIGINT)
    currency: str
    card: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Of the card's token, or of the phone that is prompted."""
    email: bytes | None = Field(default=None, sa_type=LargeBinary)
    ip: bytes | None = Field(default=None, sa_type=LargeBinary)
    bin: str | None = None
    """Six digits."""
    small: bool
    """Against the merchant's median of then."""
    disposable: bool
    mismatch: str | None = None
    """Countries of card, address and bill, where the card's stands alone."""
    stopped: bool
    """Screening has stopped it."""
    declined: bool = False
    """A gateway has declined it, and no other one has accepted it since."""


class ListEntry(SQLModel, table=True):
    """What operators always refuse, or never stop. `storage/lists.py` opens what is sealed of it."""

    __tablename__ = "list_entries"
    __table_args__ = (
        UniqueConstraint("kind", "value", name="uq_list_entries_value"),
        UniqueConstraint("kind", "digest", name="uq_list_entries_digest"),
        Index("ix_list_entries_key", "key", postgresql_where=text("key IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    kind: str
    """`ListKind`."""
    value: str | None = None
    """In the one way of writing it; None: it is personal, and sealed."""
    digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Keyed hash of a sealed value, by which it is found."""
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The value under an encryption key."""
    key: str | None = None
    """The name of that key."""
    effect: str
    """`ListEffect`."""
    reason: str
    actor: str
    """Who wrote it, as in `audit_log`."""
    created_at: datetime = _created()


class DataKey(SQLModel, table=True):
    """What seals one customer's personal data at one merchant. Deleting it erases them."""

    __tablename__ = "data_keys"
    __table_args__ = (
        Index("ix_data_keys_subject", "subject", postgresql_where=text("subject IS NOT NULL")),
        Index("ix_data_keys_key", "key"),
    )

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id")
    subject: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Keyed hash of merchant and e-mail, by which it is found; None: it belongs to one checkout."""
    identity: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The e-mail, sealed with this very key: a new encryption key needs a new hash of it."""
    key: str
    """The name of the encryption key that wraps it."""
    wrapped: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = _created()


class CheckoutTrace(SQLModel, table=True):
    """Where the trace of a checkout can be carried on, by webhooks and notifications."""

    __tablename__ = "checkout_traces"

    checkout_id: str = Field(primary_key=True, foreign_key="checkouts.id")
    traceparent: str
