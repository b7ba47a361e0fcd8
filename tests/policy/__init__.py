"""The routing policy: stored, followed, tried."""
