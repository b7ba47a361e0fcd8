"""The words of the product, as values. Pure: no I/O, no clock, no settings."""
