"""The tables. Columns that carry money are integers of minor units; times are UTC.

The schema itself is made by the migrations alone; these classes describe it to queries.
"""

from storage.tables.audit import AuditEntry, AuditSeal
from storage.tables.checkouts import Attempt, Checkout, CheckoutEvent, CheckoutTrace
from storage.tables.merchants import ApiKey, Merchant, MerchantOrigin, MerchantSecret
from storage.tables.messages import Alert, AlertDelivery, Notification, WebhookEventRow
from storage.tables.money_back import Dispute, Refund
from storage.tables.operators import (
    FrozenSwitch,
    Operator,
    OperatorCredential,
    OperatorSession,
    OperatorToken,
)
from storage.tables.reconciliation import Reconciliation, ReconciliationBreak, ReconciliationItem
from storage.tables.routing import (
    AccountCircuit,
    AccountMode,
    AccountScore,
    AccountScoresState,
    PolicyVersion,
)
from storage.tables.screening import ListEntry, Sighting
from storage.tables.sealing import DataKey

__all__ = [
    "AccountCircuit",
    "AccountMode",
    "AccountScore",
    "AccountScoresState",
    "Alert",
    "AlertDelivery",
    "ApiKey",
    "Attempt",
    "AuditEntry",
    "AuditSeal",
    "Checkout",
    "CheckoutEvent",
    "CheckoutTrace",
    "DataKey",
    "Dispute",
    "FrozenSwitch",
    "ListEntry",
    "Merchant",
    "MerchantOrigin",
    "MerchantSecret",
    "Notification",
    "Operator",
    "OperatorCredential",
    "OperatorSession",
    "OperatorToken",
    "PolicyVersion",
    "Reconciliation",
    "ReconciliationBreak",
    "ReconciliationItem",
    "Refund",
    "Sighting",
    "WebhookEventRow",
]
