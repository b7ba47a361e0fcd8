#!/bin/sh
# The shell command of a checkout, installed as .venv/bin/smartpay by `make setup`.
bin=$(dirname "$(readlink -f "$0")")
PYTHONPATH="$bin/../.." exec "$bin/python" -c 'from cli.main import app; app(prog_name="smartpay")' "$@"
