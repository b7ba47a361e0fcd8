"""`/v1/admin/gateways`: what the adapters declare, and what is configured of them."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter

from activities.policy_in_force import PolicyInForce
from api.auth import Parts
from api.errors import Forbidden, Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.schemas_overview import GatewayAccount, Gateways, GatewayView
from api.services import Services
from domain.capabilities import Account, Capabilities
from storage.webhook_signs import last_received

router = APIRouter(prefix="/gateways")


@router.get(
    "",
    response_model=Gateways,
    summary="List the gateways",
    responses=problem_responses(Unauthorized, Forbidden, Unavailable),
)
async def every(parts: Parts, _operator: Viewing) -> Gateways:
    """Credentials are told as present or missing, and never shown. Health is under `/v1/admin/accounts`."""
    known = parts.accounts.known
    async with parts.database.transaction() as session:
        webhooks = await last_received(session, sorted(known))
    countries = _countries(parts)
    by_gateway: dict[str, list[Account]] = {}
    for account in known.values():
        by_gateway.setdefault(account.gateway, []).append(account)
    return Gateways(
        data=[_view(parts, accounts, countries, webhooks) for _, accounts in sorted(by_gateway.items())]
    )


def _countries(parts: Services) -> dict[str, list[str]]:
    """account -> the countries whose list names it."""
    router = parts.router.router if isinstance(parts.router, PolicyInForce) else parts.router
    found: dict[str, list[str]] = {}
    for country, accounts in sorted(router.policy.countries.items()):
        for account in accounts:
            found.setdefault(account, []).append(country)
    return found


def _view(
    parts: Services,
    accounts: list[Account],
    countries: Mapping[str, list[str]],
    webhooks: Mapping[str, datetime],
) -> GatewayView:
    can: Capabilities = accounts[0].capabilities
    return GatewayView(
        gateway=can.name,
        display_name=can.display_name,
        methods=sorted(can.methods),
        captures=sorted(can.captures),
        currencies=sorted(can.currencies),
        countries=sorted({country for account in accounts for country in countries.get(account.name, ())}),
        mobile_money={currency: sorted(names) for currency, names in sorted(can.mobile_money.items())},
        customer_fields=sorted(can.customer_fields),
        partial_capture=can.partial_capture,
        partial_refund=can.partial_refund,
        challenge=can.challenge,
        key_life=None if can.key_life is None else can.key_life.total_seconds(),
        fence=can.fence,
        quiet_period=can.quiet_period.total_seconds(),
        authorization_life=None if can.authorization_life is None else can.authorization_life.total_seconds(),
        accounts=[
            GatewayAccount(
                account=account.name,
                has_credentials=account.has_credentials,
                missing=list(parts.accounts.missing.get(account.name, ())),
                webhook_url=f"{parts.settings.public_url.rstrip('/')}/webhooks/{account.name}",
                last_webhook_at=webhooks.get(account.name),
            )
            for account in sorted(accounts, key=lambda account: account.name)
        ],
    )
