"""A process of its own that meets failures, or tries to claim the probe:

python -m tests.health.process DATABASE_URL fail 10
python -m tests.health.process DATABASE_URL probe 10
"""

import asyncio
import sys
from datetime import UTC, datetime

from domain.circuit import CircuitRules, Sample
from storage import health
from storage.database import Database

RULES = CircuitRules(failures=20, open_for=60)
PART = ("stripe", "card")


async def main(url: str, what: str, times: int) -> int:
    """How often it opened the circuit, or got the probe."""
    database = Database(url.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=5)

    async def once() -> bool:
        async with database.transaction() as session:
            if what == "probe":
                return await health.claim_probe(session, *PART, RULES)
            await health.count(session, *PART, [Sample(False, datetime.now(UTC), "refused")], RULES)
            return False

    try:
        return sum(await asyncio.gather(*(once() for _ in range(times))))
    finally:
        await database.aclose()


if __name__ == "__main__":
    sys.stdout.write(str(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
