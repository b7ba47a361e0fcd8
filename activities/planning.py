"""Plan a checkout: decide once, record it, and tell the workflow what it must know."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.context import Context, route_request
from activities.errors import Gone
from activities.messages import ChooseAccount, Chosen, Plan, PlanCheckout, Step, Timings
from domain.checkout import CaptureMethod, MethodType
from domain.route import Exclusion, HealthNote, PlannedAccount, Reason, RoutePlan
from domain.switches import Switch
from routing.eligibility import judge
from routing.health import noted
from storage import checkouts, switches
from storage.events import tell
from storage.tables import Checkout


class Planning:
    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn
    async def plan_checkout(self, task: PlanCheckout) -> Plan:
        """The ordered accounts, from the plan recorded first: a repeat gives the same answer."""
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            if checkout is None:
                raise Gone(task.checkout_id)
            if checkout.routing is None:
                route = await self._decide(session, checkout)
                await checkouts.record_plan(session, checkout.id, route.model_dump(mode="json"))
            else:
                route = RoutePlan.model_validate(checkout.routing)
        return Plan(
            country=route.country.code,
            manual_capture=checkout.capture_method == CaptureMethod.MANUAL,
            steps=tuple(self._step(entry, checkout.allow_redirect) for entry in route.plan),
            timings=self._timings(),
        )

    @activity.defn
    async def choose_account(self, task: ChooseAccount) -> Chosen:
        """The step of an account that an operator chose, where it can take the checkout now."""
        known = self._context.accounts.known.get(task.account)
        async with self._context.database.transaction() as session:
            checkout = await checkouts.get(session, task.checkout_id)
            if checkout is None:
                raise Gone(task.checkout_id)
            frozen = await switches.frozen_accounts(session, Switch.CHARGES)
            if known is None:
                method: MethodType | Exclusion = Exclusion.NO_CREDENTIALS
            elif self._context.health.snapshot.stopped(task.account):
                method = Exclusion.DISABLED
            else:
                closed = Exclusion.FROZEN if task.account in frozen else None
                method = judge(known, route_request(checkout), closed)
            if known is None or isinstance(method, Exclusion):
                tell(session, checkout.id, "account.skipped", account=task.account, reason=method)
                return Chosen(step=None, why=method)
        entry = PlannedAccount(
            gateway=known.gateway, account=known.name, reason=Reason.OPERATOR_CHOICE, method=method
        )
        return Chosen(step=self._step(entry, checkout.allow_redirect))

    async def _decide(self, session: AsyncSession, checkout: Checkout) -> RoutePlan:
        """The plan that heeds the accounts' health. A probe is claimed for the account asked first."""
        context, request = self._context, route_request(checkout)
        health = context.health
        frozen = await switches.frozen_accounts(session, Switch.CHARGES)
        lost: set[str] = set()
        while True:
            route, probe = health.snapshot.plan(
                lambda closed: context.router.plan(request, closed, health.scores),
                context.accounts.known,
                request,
                health.now(),
                closed=dict.fromkeys(frozen, Exclusion.FROZEN),
                lost=lost,
            )
            if probe is None:
                return route
            if await health.claim_probe(session, probe.account, probe.method):
                return noted(route, HealthNote.PROBE)
            lost.add(probe.account)

    def _step(self, entry: PlannedAccount, allow_redirect: bool) -> Step:
        capabilities = self._context.accounts.known[entry.account].capabilities
        life = capabilities.authorization_life
        return Step(
            gateway=entry.gateway,
            account=entry.account,
            method=entry.method,
            reason=entry.reason,
            keyed=capabilities.key_life is not None,
            fence=capabilities.fence,
            quiet_period=self._context.quiet_period(entry.account).total_seconds(),
            page_possible=allow_redirect
            and entry.method is MethodType.CARD
            and MethodType.HOSTED in capabilities.methods,
            authorization_life=0 if life is None else life.total_seconds(),
            mute=capabilities.told_by_webhook,
        )

    def _timings(self) -> Timings:
        settings = self._context.settings
        return Timings(**{name: getattr(settings, name) for name in Timings.model_fields})
