"""`smartpay countries`: the map from countries to gateways."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.running import fail
from config.settings import Settings
from gateways.registry import BadAccounts, load_accounts
from routing.country_map import BadCountryMap, load_country_map

countries_app = typer.Typer(help="The map from countries to gateways.", no_args_is_help=True)


@countries_app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="The file; the configured one if left out.")] = None,
) -> None:
    """Say whether the country map is valid for the configured accounts, and if not, where and why."""
    try:
        country_map = load_country_map(file or Settings().countries_file, load_accounts(os.environ).known)
    except (BadCountryMap, BadAccounts) as error:
        fail(str(error))
    sys.stdout.write(f"{len(country_map.countries)} countries, DEFAULT: {', '.join(country_map.default)}\n")
