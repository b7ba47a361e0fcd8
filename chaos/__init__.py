"""The fault campaign: many checkouts under faults and kills, judged by the gateways' own ledgers."""
