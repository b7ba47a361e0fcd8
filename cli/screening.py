"""`smartpay screening`: the rules in force."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.running import fail
from config.settings import Settings
from screening.rules import BadScreeningRules, load_rules

screening_app = typer.Typer(help="Screening for fraud.", no_args_is_help=True)


@screening_app.command("rules")
def rules(
    file: Annotated[Path | None, typer.Argument(help="A file; the configured one if left out.")] = None,
) -> None:
    """Print every figure as it would be with the file, or say what is wrong with it."""
    try:
        found = load_rules(file or Settings().screening_file)
    except BadScreeningRules as error:
        fail(str(error))
    sys.stdout.write(found.model_dump_json(indent=2) + "\n")
