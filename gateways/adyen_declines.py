"""Why Adyen refused: every documented refusal reason, as a category and a standard code.

`DOCUMENTED` is the table of https://docs.adyen.com/development-resources/refusal-reasons, by
`refusalReasonCode`. A webhook gives the text of it only, as `reason`. What may follow is the category's
business (`domain/decline.py`): soft and configuration go to the next account, customer and authentication ask
the customer, hard and fraud stop. A code that the table lacks is soft, and logged once per process.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import structlog

from domain.decline import Decline, DeclineCategory, DeclineCode

log = structlog.get_logger(__name__)

SOURCE: Final = "https://docs.adyen.com/development-resources/refusal-reasons"

_HARD, _SOFT, _FRAUD = DeclineCategory.HARD, DeclineCategory.SOFT, DeclineCategory.FRAUD
_CUSTOMER, _CONFIGURATION = DeclineCategory.CUSTOMER, DeclineCategory.CONFIGURATION
_AUTHENTICATION = DeclineCategory.AUTHENTICATION
_Code = DeclineCode


class Row(NamedTuple):
    reason: str
    """Adyen's own words."""
    category: DeclineCategory
    code: DeclineCode


DOCUMENTED: Final[Mapping[str, Row]] = {
    "2": Row("Refused", _SOFT, _Code.GENERIC_DECLINE),
    "3": Row("Referral", _SOFT, _Code.DO_NOT_HONOR),
    "4": Row("Acquirer Error", _SOFT, _Code.PROCESSING_ERROR),
    "5": Row("Blocked Card", _HARD, _Code.CARD_RESTRICTED),
    "6": Row("Expired Card", _CUSTOMER, _Code.EXPIRED_CARD),
    "7": Row("Invalid Amount", _CONFIGURATION, _Code.INVALID_AMOUNT),
    "8": Row("Invalid Card Number", _CUSTOMER, _Code.INVALID_NUMBER),
    "9": Row("Issuer Unavailable", _SOFT, _Code.ISSUER_UNAVAILABLE),
    "10": Row("Not supported", _HARD, _Code.TRANSACTION_NOT_PERMITTED),
    "11": Row("3D Not Authenticated", _AUTHENTICATION, _Code.AUTHENTICATION_FAILED),
    "12": Row("Not enough balance", _SOFT, _Code.INSUFFICIENT_FUNDS),
    "14": Row("Acquirer Fraud", _FRAUD, _Code.SUSPECTED_FRAUD),
    "15": Row("Cancelled", _CUSTOMER, _Code.CUSTOMER_ABANDONED),
    "16": Row("Shopper Cancelled", _CUSTOMER, _Code.CUSTOMER_ABANDONED),
    "17": Row("Invalid Pin", _CUSTOMER, _Code.INVALID_PIN),
    "18": Row("Pin tries exceeded", _HARD, _Code.VELOCITY_EXCEEDED),
    "19": Row("Pin validation not possible", _SOFT, _Code.PROCESSING_ERROR),
    "20": Row("FRAUD", _FRAUD, _Code.SUSPECTED_FRAUD),
    "21": Row("Not Submitted", _SOFT, _Code.PROCESSING_ERROR),
    "22": Row("FRAUD-CANCELLED", _FRAUD, _Code.SUSPECTED_FRAUD),
    "23": Row("Transaction Not Permitted", _HARD, _Code.TRANSACTION_NOT_PERMITTED),
    "24": Row("CVC Declined", _CUSTOMER, _Code.INVALID_CVC),
    "25": Row("Restricted Card", _HARD, _Code.CARD_RESTRICTED),
    "26": Row("Revocation Of Auth", _HARD, _Code.TRANSACTION_NOT_PERMITTED),
    "27": Row("Declined Non Generic", _SOFT, _Code.DO_NOT_HONOR),
    "28": Row("Withdrawal amount exceeded", _SOFT, _Code.AMOUNT_LIMIT_EXCEEDED),
    "29": Row("Withdrawal count exceeded", _SOFT, _Code.VELOCITY_EXCEEDED),
    "31": Row("Issuer Suspected Fraud", _FRAUD, _Code.SUSPECTED_FRAUD),
    "32": Row("AVS Declined", _SOFT, _Code.GENERIC_DECLINE),
    "33": Row("Card requires online pin", _HARD, _Code.CARD_NOT_SUPPORTED),
    "34": Row("No checking account available on Card", _HARD, _Code.INVALID_ACCOUNT),
    "35": Row("No savings account available on Card", _HARD, _Code.INVALID_ACCOUNT),
    "36": Row("Mobile pin required", _AUTHENTICATION, _Code.AUTHENTICATION_REQUIRED),
    "37": Row("Contactless fallback", _SOFT, _Code.PROCESSING_ERROR),
    "38": Row("Authentication required", _AUTHENTICATION, _Code.AUTHENTICATION_REQUIRED),
    "39": Row("RReq not received from DS", _AUTHENTICATION, _Code.AUTHENTICATION_FAILED),
    "40": Row("Current AID is in Penalty Box.", _HARD, _Code.CARD_NOT_SUPPORTED),
    "41": Row("CVM Required Restart Payment", _AUTHENTICATION, _Code.AUTHENTICATION_REQUIRED),
    "42": Row("3DS Authentication Error", _AUTHENTICATION, _Code.AUTHENTICATION_FAILED),
    "43": Row("Online PIN required", _AUTHENTICATION, _Code.AUTHENTICATION_REQUIRED),
    "44": Row("Try another interface", _SOFT, _Code.PROCESSING_ERROR),
    "45": Row("Chip downgrade mode", _SOFT, _Code.PROCESSING_ERROR),
    # The schemes fine whoever goes on after this one, wherever it goes on.
    "46": Row("Transaction blocked by Adyen to prevent excessive retry fees", _HARD, _Code.VELOCITY_EXCEEDED),
}
"""`0` is "none" and comes with payments that succeeded."""

_UNKNOWN: Final = "declined for a reason that is not in our table"
_logged: set[str] = set()
_LOGGED_AT_MOST: Final = 500


def decline_of(code: object, reason: object = None) -> Decline:
    """The decline for a `refusalReasonCode` or, where that is absent or unknown, for its text."""
    told = str(code) if isinstance(code, str | int) and not isinstance(code, bool) else ""
    known = told if told in DOCUMENTED else _BY_WORDS.get(_plain(reason))
    if known is not None:
        row = DOCUMENTED[known]
        return Decline(
            category=row.category,
            code=row.code,
            message=f"Adyen or the issuer says: {row.reason}",
            gateway_code=known,
        )
    _log_once(told or _plain(reason))
    return Decline(category=_SOFT, code=_Code.GENERIC_DECLINE, message=_UNKNOWN)


def _plain(text: object) -> str:
    if not isinstance(text, str):
        return ""
    return " ".join(re.findall(r"[a-z0-9]+", text[:200].lower()))


_BY_WORDS: Final = {_plain(row.reason): code for code, row in DOCUMENTED.items()}


def _log_once(words: str) -> None:
    """Tell the operator of a code that the table lacks, once per process; only a short number is named."""
    code = words if re.fullmatch(r"[0-9]{1,4}", words) else re.sub(r"\w*[0-9]\w*", "#", words)[:100]
    if code in _logged or len(_logged) >= _LOGGED_AT_MOST:
        return
    _logged.add(code)
    log.warning("gateway.unmapped_code", gateway="adyen", code=code)
