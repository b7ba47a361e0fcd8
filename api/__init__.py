"""The thin HTTP layer: it starts workflows, reads rows, and relays webhooks as signals."""
