"""Thin routes: parse, call, map."""
