"""Plan a checkout: decide once, record it, and tell the workflow what it must know."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.context import Context, route_request
from activities.errors import Gone
from activities.messages import ChooseAccount, Chosen, Plan, PlanCheckout, ReviewTerms, Step, Timings
from activities.screening import Screened, assessed
from domain.checkout import CaptureMethod, MethodType
from domain.route import Exclusion, HealthNote, PlannedAccount, Reason, RoutePlan
from domain.screening import Assessment, Verdict
from domain.switches import Switch
from routing.eligibility import judge
from routing.health import noted
from routing.request import RouteRequest
from screening.judge import without_challenge
from storage import attempts, checkouts, personal, switches
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
                route, verdict = await self._decide(session, checkout)
            else:
                route, verdict = RoutePlan.model_validate(checkout.routing), assessed(checkout)
                if verdict.stops and await attempts.of_checkout(session, checkout.id):
                    verdict = Verdict.ALLOW  # a run started anew, after a person has approved
        plan = Plan(
            country=route.country.code,
            manual_capture=checkout.capture_method == CaptureMethod.MANUAL,
            steps=tuple(self._step(entry, checkout.allow_redirect) for entry in route.plan),
            timings=self._timings(),
        )
        settings = self._context.settings
        match verdict:
            case Verdict.ALLOW:
                return plan
            case Verdict.REVIEW:
                terms = ReviewTerms(
                    expires_after=settings.screening_review_expires_after,
                    default=settings.screening_review_default,
                )
                return plan.model_copy(update={"verdict": verdict, "review": terms})
            case _:
                return plan.model_copy(update={"verdict": verdict})

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
                person = await personal.of(session, checkout)
                method = judge(known, route_request(checkout, person), closed)
            if known is None or isinstance(method, Exclusion):
                tell(session, checkout.id, "account.skipped", account=task.account, reason=method)
                return Chosen(step=None, why=method)
        entry = PlannedAccount(
            gateway=known.gateway, account=known.name, reason=Reason.OPERATOR_CHOICE, method=method
        )
        return Chosen(step=self._step(entry, checkout.allow_redirect))

    async def _decide(self, session: AsyncSession, checkout: Checkout) -> tuple[RoutePlan, Verdict]:
        """Screen and route, and record both. What somebody else has recorded first stands."""
        person = await personal.of(session, checkout)
        request = route_request(checkout, person)
        draft = self._context.router.plan(request)
        screened = await self._context.screener.screen(session, checkout, person, draft.country)
        assessment = None if screened is None else self._challengeable(screened, request, draft)
        verdict = Verdict.ALLOW if assessment is None else assessment.action
        if verdict is Verdict.CHALLENGE:
            request = request.model_copy(update={"challenge": True})
        # Nothing is sent of what is blocked: it claims no account's probe.
        route = draft if verdict is Verdict.BLOCK else await self._route(session, request)
        recorded = await checkouts.record_plan(
            session,
            checkout.id,
            route.model_dump(mode="json"),
            None if assessment is None else assessment.model_dump(mode="json"),
        )
        if not recorded:
            found = await checkouts.lock(session, checkout.id)
            if found is None or found.routing is None:
                raise Gone(checkout.id)
            return RoutePlan.model_validate(found.routing), assessed(found)
        if screened is not None and assessment is not None:
            await self._context.screener.keep(session, screened, assessment)
        return route, verdict

    def _challengeable(self, screened: Screened, request: RouteRequest, draft: RoutePlan) -> Assessment:
        """The judgement; where it is a challenge that no account can ask for, what stands in its place."""
        assessment = screened.assessment
        if assessment.verdict is not Verdict.CHALLENGE or not draft.plan:
            return assessment
        challenging = self._context.router.plan(request.model_copy(update={"challenge": True}))
        return assessment if challenging.plan else without_challenge(assessment, self._context.screener.rules)

    async def _route(self, session: AsyncSession, request: RouteRequest) -> RoutePlan:
        """The plan that heeds the accounts' health. A probe is claimed for the account asked first."""
        context = self._context
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
