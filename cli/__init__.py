"""The `smartpay` shell command."""
