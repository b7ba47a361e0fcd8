#!/bin/sh
# The shell command of a checkout, installed as .venv/bin/smartpay by `make setup`.
bin=$(dirname "$(readlink -f "$0")")
PYTHONPATH="$bin/../.." exec "$bin/python" -P -m cli.main "$@"
