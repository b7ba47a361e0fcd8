"""A checkout as the operators' list, its export and the stream of changes show it."""

from api.schemas_transactions import CheckoutRow
from storage.checkout_search import Found


def row_view(found: Found) -> CheckoutRow:
    row = found.checkout
    country = None if row.routing is None else row.routing["country"]["code"]
    return CheckoutRow.model_validate(
        {
            "id": row.id,
            "merchant": found.merchant,
            "reference": row.reference,
            "status": row.status,
            "review_reason": row.review_reason,
            "amount": row.amount,
            "currency": row.currency,
            "amount_captured": row.amount_captured,
            "amount_refunded": row.amount_refunded,
            "gateway": row.gateway,
            "account": row.account,
            "attempts": found.accounts,
            "country": country,
            "method": row.payment_method["type"],
            "bin": row.payment_method.get("bin"),
            "email": found.person.customer.email,
            "decline_code": None if row.decline is None else row.decline.get("code"),
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )
