"""Starts the whole product on one machine: the servers, the sandbox gateways, the API, the worker."""
