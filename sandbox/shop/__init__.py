"""The example of docs/card-tokens.md: a shop's page that collects one card token for each gateway."""
