"""Imported by a program before all else: what imports make stays, and is not searched for garbage meanwhile.

A quarter of the time that starting takes. The program turns the collector on again.
"""

import gc

gc.disable()
