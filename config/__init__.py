"""Settings, logging, the Temporal client, and the policy data that ships with the product."""
