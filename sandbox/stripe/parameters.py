"""Reading parameters the way Stripe does: what it does not know, it refuses.

The allow-lists are those of the API reference (https://docs.stripe.com/api) for the version of 2026.
"""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.stripe.errors import invalid
from sandbox.stripe.form import Value

ANY: Final[Mapping[str, Any]] = {"*": None}
"""A hash whose keys are free, or one whose inside is not simulated."""

_LEAF: Final = None
Allowed = Mapping[str, Any]


def _leaves(names: str) -> dict[str, None]:
    return dict.fromkeys(names.split(), _LEAF)


def _hashes(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), ANY)


_EXPAND: Final = {"expand": ANY}
_CREATED: Final = {"created": _leaves("gt gte lt lte")}
_PAGE: Final = {**_leaves("ending_before limit starting_after"), **_EXPAND}
_CARD_OPTIONS: Final = {
    **_leaves(
        "capture_method cvc_token moto network request_extended_authorization "
        "request_incremental_authorization request_multicapture request_overcapture request_three_d_secure "
        "require_cvc_recollection setup_future_usage statement_descriptor_suffix_kana "
        "statement_descriptor_suffix_kanji"
    ),
    "installments": ANY,
    "mandate_options": ANY,
    "three_d_secure": ANY,
}
_METHOD_OPTIONS: Final = {"*": ANY, "card": _CARD_OPTIONS}
_SHARED_INTENT: Final = {
    **_leaves(
        "capture_method confirmation_token error_on_requires_action mandate off_session payment_method "
    ),
    **_leaves("receipt_email return_url setup_future_usage use_stripe_sdk"),
    "allowed_payment_method_types": ANY,
    "amount_details": ANY,
    "excluded_payment_method_types": ANY,
    "hooks": ANY,
    "mandate_data": ANY,
    "payment_details": ANY,
    "payment_method_data": ANY,
    "payment_method_options": _METHOD_OPTIONS,
    "radar_options": ANY,
    "shipping": ANY,
    **_EXPAND,
}
INTENT_CREATE: Final[Allowed] = {
    **_SHARED_INTENT,
    **_leaves("amount application_fee_amount confirm confirmation_method currency customer customer_account"),
    **_leaves("description on_behalf_of payment_method_configuration statement_descriptor"),
    **_leaves("statement_descriptor_suffix transfer_group"),
    "automatic_payment_methods": _leaves("allow_redirects enabled"),
    "metadata": ANY,
    "payment_method_types": ANY,
    "transfer_data": ANY,
}
INTENT_CONFIRM: Final[Allowed] = {**_SHARED_INTENT, "amount_to_confirm": None, "payment_method_types": ANY}
INTENT_CAPTURE: Final[Allowed] = {
    **_leaves("amount_to_capture application_fee_amount final_capture statement_descriptor"),
    **_leaves("statement_descriptor_suffix"),
    "amount_details": ANY,
    "hooks": ANY,
    "metadata": ANY,
    "payment_details": ANY,
    "transfer_data": ANY,
    **_EXPAND,
}
INTENT_CANCEL: Final[Allowed] = {"cancellation_reason": None, **_EXPAND}
INTENT_RETRIEVE: Final[Allowed] = {"client_secret": None, **_EXPAND}
INTENT_LIST: Final[Allowed] = {**_leaves("customer customer_account"), **_CREATED, **_PAGE}
INTENT_SEARCH: Final[Allowed] = {**_leaves("limit page query"), **_EXPAND}
REFUND_CREATE: Final[Allowed] = {
    **_leaves("amount charge currency customer instructions_email origin payment_intent reason"),
    **_leaves("refund_application_fee reverse_transfer"),
    "metadata": ANY,
    **_EXPAND,
}
REFUND_LIST: Final[Allowed] = {**_leaves("charge payment_intent"), **_CREATED, **_PAGE}
DISPUTE_LIST: Final[Allowed] = {**_leaves("charge payment_intent"), **_CREATED, **_PAGE}
CHARGE_LIST: Final[Allowed] = {**_leaves("customer payment_intent transfer_group"), **_CREATED, **_PAGE}
EVENT_LIST: Final[Allowed] = {**_leaves("delivery_success type"), "types": ANY, **_CREATED, **_PAGE}
ONLY_EXPAND: Final[Allowed] = _EXPAND
_LINE_ITEM: Final = {
    **_leaves("price quantity"),
    "adjustable_quantity": ANY,
    "metadata": ANY,
    "tax_rates": ANY,
    "price_data": {
        **_leaves("currency product tax_behavior unit_amount unit_amount_decimal"),
        "product_data": {
            **_leaves("description name tax_code unit_label"),
            "images": ANY,
            "metadata": ANY,
            "tax_details": ANY,
        },
        "recurring": ANY,
    },
}
SESSION_CREATE: Final[Allowed] = {
    **_leaves(
        "allow_promotion_codes billing_address_collection cancel_url client_reference_id currency customer"
    ),
    **_leaves(
        "customer_account customer_creation customer_email expires_at integration_identifier locale mode"
    ),
    **_leaves("origin_context payment_method_collection payment_method_configuration redirect_on_completion"),
    **_leaves("return_url submit_type success_url ui_mode"),
    **_hashes(
        "adaptive_pricing after_expiration allowed_payment_method_types automatic_tax branding_settings"
    ),
    **_hashes(
        "consent_collection custom_fields custom_text customer_update discounts invoice_creation metadata"
    ),
    **_hashes("excluded_payment_method_types managed_payments name_collection optional_items permissions"),
    **_hashes("payment_method_data payment_method_types phone_number_collection setup_intent_data"),
    **_hashes("saved_payment_method_options shipping_address_collection shipping_options subscription_data"),
    **_hashes("tax_id_collection wallet_options"),
    "line_items": {"*": _LINE_ITEM},
    "payment_intent_data": {
        **_leaves("application_fee_amount capture_method description on_behalf_of receipt_email"),
        **_leaves("setup_future_usage statement_descriptor statement_descriptor_suffix transfer_group"),
        "metadata": ANY,
        "shipping": ANY,
        "transfer_data": ANY,
    },
    "payment_method_options": _METHOD_OPTIONS,
    **_EXPAND,
}
SESSION_LIST: Final[Allowed] = {
    **_leaves("customer customer_account payment_intent payment_link status subscription"),
    "customer_details": ANY,
    **_CREATED,
    **_PAGE,
}


class Parameters:
    """The parameters of one request, checked against an allow-list. Every getter may raise Refusal (400)."""

    def __init__(self, values: Mapping[str, Value], allowed: Allowed, prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix
        _check(values, allowed, prefix)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def is_hash(self, name: str) -> bool:
        return isinstance(self._values.get(name), dict)

    def text(self, name: str, *, choices: str = "") -> str | None:
        """None where absent or sent empty, which is how Stripe unsets a value."""
        value = self._values.get(name)
        if isinstance(value, dict):
            raise invalid(
                "Invalid string: must be a scalar.", code="parameter_invalid_string", param=self._name(name)
            )
        if choices and value and value not in choices.split():
            raise invalid(
                f"Invalid {self._name(name)}: must be one of {', '.join(choices.split())}",
                param=self._name(name),
            )
        return value or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise invalid(
                f"Missing required param: {self._name(name)}.",
                code="parameter_missing",
                param=self._name(name),
            )
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > 18:
            raise invalid(
                f"Invalid integer: {value}", code="parameter_invalid_integer", param=self._name(name)
            )
        return int(value)

    def boolean(self, name: str) -> bool:
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise invalid(f"Invalid boolean: {value}", param=self._name(name))
        return value == "true"

    def url(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not value.startswith(("https://", "http://")):
            raise invalid("Not a valid URL", code="url_invalid", param=self._name(name))
        return value

    def group(self, name: str) -> "Parameters":
        """A hash; empty where absent. Its keys were checked with the whole."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            if value:
                raise invalid("Invalid hash", code="parameter_invalid_empty", param=self._name(name))
            value = {}
        return Parameters(value, ANY, self._name(name))

    def items(self, name: str) -> list["Parameters"]:
        """An array of hashes, in the order of its indexes."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise invalid("Invalid array", param=self._name(name))
        return [self.group(name).group(key) for key in value]

    def texts(self, name: str) -> list[str]:
        """An array of scalars."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise invalid("Invalid array", param=self._name(name))
        return [item for item in value.values() if isinstance(item, str)]

    def metadata(self) -> dict[str, str]:
        """At most 50 keys of 40 characters with values of 500 (https://docs.stripe.com/api/metadata)."""
        value = self._values.get("metadata", {})
        if not isinstance(value, dict):
            return {}
        pairs = {key: item for key, item in value.items() if isinstance(item, str) and item}
        if len(pairs) > 50:
            raise invalid("Metadata can have at most 50 keys.", param=self._name("metadata"))
        for key, item in pairs.items():
            if len(key) > 40 or len(item) > 500:
                raise invalid(
                    "Metadata keys can have up to 40 characters and values up to 500 characters.",
                    param=f"{self._name('metadata')}[{key}]",
                )
        return pairs

    def _name(self, name: str) -> str:
        return f"{self._prefix}[{name}]" if self._prefix else name


def _check(values: Mapping[str, Value], allowed: Allowed, prefix: str) -> None:
    for name, value in values.items():
        full = f"{prefix}[{name}]" if prefix else name
        if name not in allowed and "*" not in allowed:
            raise invalid(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)
        inner = allowed.get(name, allowed.get("*"))
        if isinstance(value, dict) and inner is not None and inner is not ANY:
            _check(value, inner, full)
