"""Whether an account can take a payment, and by which method.

Checks in this order; the first that fails is the reason, so an operator reads the most basic one:

1. the account has credentials;
2. it is not closed from outside (disabled, frozen, circuit open);
3. the method: it takes it, a card has a token (or becomes the gateway's page), the mobile network is served;
4. the currency;
5. the capture method;
6. strong customer authentication, where asked for;
7. the amount;
8. the customer's data.
"""

from domain.capabilities import Account
from domain.checkout import MethodType, PaymentMethod
from domain.route import Exclusion
from routing.request import RouteRequest


def judge(account: Account, request: RouteRequest, closed: Exclusion | None = None) -> MethodType | Exclusion:
    """The method by which the account would be asked, or why it is out.

    `closed` is what health or an operator says of this account: disabled, frozen, circuit_open.
    """
    if not account.has_credentials:
        return Exclusion.NO_CREDENTIALS
    if closed is not None:
        return closed
    method = _method(account, request)
    if isinstance(method, Exclusion):
        return method
    capabilities, currency, amount = account.capabilities, request.currency, request.amount
    if currency not in capabilities.currencies:
        return Exclusion.CURRENCY_UNSUPPORTED
    if request.capture_method not in capabilities.captures:
        return Exclusion.CAPTURE_UNSUPPORTED
    if request.challenge and not capabilities.challenge:
        return Exclusion.CHALLENGE_UNSUPPORTED
    if not capabilities.minimum.get(currency, amount) <= amount <= capabilities.maximum.get(currency, amount):
        return Exclusion.AMOUNT_OUT_OF_RANGE
    if _customer_data_missing(account, request, method):
        return Exclusion.CUSTOMER_DATA_MISSING
    return method


def exclusion(account: Account, request: RouteRequest, closed: Exclusion | None = None) -> Exclusion | None:
    """Why the account is out, or None."""
    verdict = judge(account, request, closed)
    return verdict if isinstance(verdict, Exclusion) else None


def token_for(account: Account, method: PaymentMethod) -> str | None:
    """The card token that this account can use: the one named for it, else the one for its gateway.

    A token belongs to one gateway, and a merchant with several accounts there names the account.
    """
    return method.tokens.get(account.name) or method.tokens.get(account.gateway) or None


def _method(account: Account, request: RouteRequest) -> MethodType | Exclusion:
    offered = account.capabilities.methods
    match request.method.type:
        case MethodType.HOSTED:
            return MethodType.HOSTED if MethodType.HOSTED in offered else Exclusion.METHOD_UNSUPPORTED
        case MethodType.CARD:
            takes_cards = MethodType.CARD in offered
            if takes_cards and token_for(account, request.method):
                return MethodType.CARD
            if request.allow_redirect and MethodType.HOSTED in offered:
                return MethodType.HOSTED
            return Exclusion.NO_TOKEN if takes_cards else Exclusion.METHOD_UNSUPPORTED
        case MethodType.MOBILE_MONEY:
            return _mobile_money(account, request)


def _mobile_money(account: Account, request: RouteRequest) -> MethodType | Exclusion:
    capabilities = account.capabilities
    if MethodType.MOBILE_MONEY not in capabilities.methods:
        return Exclusion.METHOD_UNSUPPORTED
    networks = capabilities.mobile_money.get(request.currency)
    if not networks:
        return Exclusion.CURRENCY_UNSUPPORTED
    network = request.method.network
    if not network:  # need not be named where the gateway says so ("") or has no second one
        served = "" in networks or len(networks) == 1
    else:  # a gateway that only ever wants none named ignores the name
        served = network in networks or network.upper() in networks or networks == {""}
    return MethodType.MOBILE_MONEY if served else Exclusion.METHOD_UNSUPPORTED


def _customer_data_missing(account: Account, request: RouteRequest, method: MethodType) -> bool:
    customer = request.customer
    if method is MethodType.MOBILE_MONEY and not (request.method.phone or customer.phone):
        return True  # a prompt goes to a phone
    wanted = account.capabilities.customer_fields
    return bool(wanted) and any(not getattr(customer, name, None) for name in wanted)
