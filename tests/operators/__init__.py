"""Operators, what they freeze and what they decide."""
