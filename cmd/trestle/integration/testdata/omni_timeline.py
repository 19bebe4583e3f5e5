"""Asks the trace store what the guide's tracer asks it.

    python omni_timeline.py DSN CORRELATION_ID SESSION_ID

It writes the rows to its standard output as one JSON object: {"by_correlation": [...], "timeline": [...]}.
"""

import asyncio
import json
import sys
from uuid import UUID

import asyncpg

# "offset" is a reserved word in PostgreSQL and quoted here; the rest is the guide's.
BY_CORRELATION = """
    SELECT
        event_id,
        correlation_id,
        session_id,
        event_type,
        topic,
        partition,
        "offset",
        payload,
        timestamp,
        created_at
    FROM event_logs
    WHERE correlation_id = $1
    ORDER BY timestamp ASC
"""

TIMELINE = """
    SELECT
        event_type,
        correlation_id,
        timestamp,
        payload->>'message' as message,
        payload->>'status' as status
    FROM event_logs
    WHERE session_id = $1
    ORDER BY timestamp ASC
"""


async def main(dsn: str, correlation_id: UUID, session_id: UUID) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        answer = {
            "by_correlation": [dict(row) for row in await conn.fetch(BY_CORRELATION, correlation_id)],
            "timeline": [dict(row) for row in await conn.fetch(TIMELINE, session_id)],
        }
    finally:
        await conn.close()
    print(json.dumps({"answer": answer}, default=str), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3])))
