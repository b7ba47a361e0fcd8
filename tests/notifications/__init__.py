"""Notifications to merchants: real PostgreSQL, real Temporal, real sockets."""
