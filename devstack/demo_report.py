"""What `make demo` prints: the banner, the table, the totals over the gateways' ledgers, what to try next."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.settings import Settings
from devstack.demo_run import Result
from devstack.settings import LOOSENED, SHORTENED, as_text
from devstack.stack import Stack
from domain.money import exponent
from gateways.registry import registrations


def banner(console: Console, stack: Stack) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for what, where in (
        ("API", f"{stack.api_url}/docs"),
        ("Temporal web UI", stack.temporal_ui_url),
        ("Sandbox gateways", f"{stack.sandbox_url}/docs"),
        ("PostgreSQL", f"port {stack.ports.postgres} (its URL is in demo.json)"),
        ("Data, logs", f"{stack.data_dir}, {stack.logs}"),
    ):
        table.add_row(f"[bold]{what}[/]", escape(where))
    console.print(table)
    shortened = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", title_style="")
    shortened.title = "\n[bold]Shortened for the demo[/], as its gateways are on this machine (seconds)"
    for column in ("setting", "demo", "otherwise"):
        shortened.add_column(column, header_style="dim")
    for name, value in {**SHORTENED, **LOOSENED}.items():
        shortened.add_row(name, as_text(value), _usual(name), style="dim")
    console.print(shortened)
    console.print()


def _usual(name: str) -> str:
    """What the product does without the variable."""
    if name == "QUIET_PERIOD":
        periods = (r.capabilities.quiet_period.total_seconds() for r in registrations().values())
        return f"each gateway's own, {min(periods):.0f} s or more"
    settings = Settings.model_fields.get(name.lower())
    if settings is not None:
        return "unset" if settings.default is None else as_text(settings.default)
    gateway, _, field = name.lower().partition("_")
    return as_text(registrations()[gateway].credentials.model_fields[field].default)


def results_table(results: Sequence[Result]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("checkout", "amount", "country", "plan", "attempts", "outcome", "expected"):
        table.add_column(column, overflow="fold")
    table.add_column("s", justify="right")
    table.add_column("")
    for result in results:
        checkout = result.checkout
        routing = checkout.get("routing") or {}
        decline = checkout.get("decline") or {}
        outcome = str(checkout.get("status", "not accepted"))
        if decline and outcome == "failed":
            outcome += f" ({decline['code']})"
        table.add_row(
            escape(result.case.title),
            _money(result.case.request),
            f"{routing.get('country') or '-'} ({routing.get('country_source', '-')})",
            " > ".join(step["account"] for step in routing.get("plan", ())) or "-",
            "\n".join(f"{a['account']}: {a['status']}" for a in checkout.get("attempts", ())) or "-",
            escape(outcome),
            f"{result.case.status}: {' > '.join(result.case.accounts)}",
            f"{result.seconds:.1f}",
            "[green]OK[/]" if result.ok else "[bold red]FAIL[/]",
        )
    return table


def problems(console: Console, results: Sequence[Result]) -> None:
    for result in results:
        for problem in result.problems:
            console.print(
                f"[bold red]FAIL[/] {escape(result.case.title)} "
                f"({result.checkout.get('id', 'no checkout')}): {escape(problem)}",
                soft_wrap=True,
            )


@dataclass(frozen=True)
class Totals:
    """The gateways' own ledgers, joined with our checkouts on the references that the gateways were sent."""

    checkouts: int
    charges: int
    """Payments that took money."""
    charged_twice: int
    """Checkouts from which more than one payment still holds money. This is what must never happen."""
    charged_once: int
    not_charged: int


def totals(results: Sequence[Result]) -> Totals:
    per_checkout = [_holding(result.ledger) for result in results]
    return Totals(
        checkouts=len(results),
        charges=sum(_payments_that_took(result.ledger) for result in results),
        charged_twice=sum(holding > 1 for holding in per_checkout),
        charged_once=sum(holding == 1 for holding in per_checkout),
        not_charged=sum(holding == 0 for holding in per_checkout),
    )


def print_totals(console: Console, sums: Totals) -> None:
    console.print(
        f"By the gateways' own ledgers: {sums.checkouts} checkouts, {sums.charges} charges; "
        f"{sums.charged_once} charged once, {sums.not_charged} not charged, "
        f"[bold {'red' if sums.charged_twice else 'green'}]{sums.charged_twice} charged twice[/].",
        soft_wrap=True,
    )


def _holding(ledger: Sequence[Mapping[str, Any]]) -> int:
    """Payments whose captures have not all been given back."""
    held: dict[tuple[str, str], int] = defaultdict(int)
    for row in ledger:
        sign = {"capture": 1, "void": -1, "refund": -1}.get(row["kind"], 0)
        held[row["gateway"], row["payment_id"]] += sign * row["amount"]
    return sum(amount > 0 for amount in held.values())


def _payments_that_took(ledger: Sequence[Mapping[str, Any]]) -> int:
    return len({(row["gateway"], row["payment_id"]) for row in ledger if row["kind"] == "capture"})


def what_next(console: Console, stack: Stack) -> None:
    body = (
        '{"amount": 4999, "currency": "USD", "customer": {"email": "you@example.com", "country": "US"}, '
        '"payment_method": {"type": "card", "tokens": {"stripe": "pm_card_visa"}}}'
    )
    for line in (
        "[bold]A checkout of your own:[/]",
        f"  curl -s {stack.api_url}/v1/checkouts -H 'Authorization: Bearer {stack.api_key}' "
        f"-H 'Idempotency-Key: mine-1' -H 'Content-Type: application/json' \\",
        f"       -d '{escape(body)}'",
        *_signing_in(stack),
        "[bold]Watch every step of it:[/]",
        f"  {stack.temporal_ui_url}/namespaces/default/workflows",
        "[bold]Make a gateway fail, read its ledger:[/]",
        f"  curl -s {stack.sandbox_url}/_/faults -H 'Content-Type: application/json' "
        f'-d \'{{"gateway": "stripe", "operation": "charge", "fault": "timeout_after", "count": 1}}\'',
        f"  curl -s {stack.sandbox_url}/_/ledger",
    ):
        console.print(line, soft_wrap=True, highlight=False)


def _signing_in(stack: Stack) -> Iterator[str]:
    if stack.admin is not None:
        code = f"import pyotp; print(pyotp.TOTP('{stack.admin.totp_secret}').now())"
        yield "[bold]Sign in to the admin panel:[/]"
        yield f"  {stack.api_url}/admin  as {stack.admin.email}, password {stack.admin.password}, and a code:"
        yield f'  .venv/bin/python -c "{code}"'


def _money(request: Mapping[str, Any]) -> str:
    digits = exponent(request["currency"])
    return f"{Decimal(request['amount']).scaleb(-digits):,} {request['currency']}"
