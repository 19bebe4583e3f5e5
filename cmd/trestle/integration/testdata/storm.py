"""A Python service in a storm of failures: it can't handle the events whose header `cause` is `python`, and writes dead letters of its own make.

    python storm.py BROKERS GROUP TOPICS COUNT REPLAYS

It reads TOPICS, with commas between them, until it has met COUNT events and REPLAYS events that are replayed for another group, over which it passes. It says that
it is ready, and at its end how often it has handled, failed and passed over each event, by key.
"""

import asyncio
import json
import sys
from collections import Counter
from datetime import datetime, timezone

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from omni_service import say, started


def dead_letter(record: ConsumerRecord, reason: str) -> bytes:
    letter = {
        "original_topic": record.topic,
        "original_key": record.key.decode(),
        "original_data": json.loads(record.value),
        "failure_reason": reason,
        "failure_timestamp": datetime.now(timezone.utc).isoformat(),
        "retry_attempts": 3,
    }
    return json.dumps(letter).encode()


async def main(brokers: str, group: str, topics: list[str], count: int, replays: int) -> None:
    handled, failed, passed = Counter(), Counter(), Counter()
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=brokers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        session_timeout_ms=60000,
        max_poll_interval_ms=600000,
    )
    async with AIOKafkaProducer(bootstrap_servers=brokers, acks="all", linger_ms=5) as producer:
        await started(consumer)
        try:
            while handled.total() + failed.total() < count or passed.total() < replays:
                sent = []
                for records in (await consumer.getmany(timeout_ms=500, max_records=2000)).values():
                    for record in records:
                        headers = {name: value.decode() for name, value in record.headers}
                        key = record.key.decode()
                        if headers.get("replay-group", group) != group:
                            passed[key] += 1
                        elif headers["cause"] == "python":
                            failed[key] += 1
                            letter = dead_letter(record, f"KafkaTimeoutError: no acknowledgement of {key} within {record.offset} ms")
                            sent.append(await producer.send(record.topic + "_dlq", value=letter, key=record.key))
                        else:
                            handled[key] += 1
                if sent:
                    await asyncio.gather(*sent)
                await consumer.commit()
        finally:
            await consumer.stop()
    say(storm={"handled": handled, "failed": failed, "passed": passed})


if __name__ == "__main__":
    brokers, group, topics, count, replays = sys.argv[1:]
    asyncio.run(main(brokers, group, topics.split(","), int(count), int(replays)))
