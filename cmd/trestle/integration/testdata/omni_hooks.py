"""The system guide's hook events in Python, for a test that exchanges them with Go over a real broker.

    python omni_hooks.py publish BROKERS          publish what comes on the standard input: {"event_type", "payload"} a line
    python omni_hooks.py read BROKERS GROUP COUNT read COUNT hook events, strictly

It says on its standard output, one JSON object a line, what it does: {"ready": true}; {"wrote": {"event_type", "topic",
"value"}}; {"read": {"event_type", "topic", "value", "understood"}}, with the event as the model holds it in understood.
"""

import asyncio
import json
import sys
import uuid
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from omni_service import say, started
from pydantic import BaseModel, ConfigDict, Field

TOPICS = {
    "service.lifecycle": "hooks.service_lifecycle",
    "tool.registration": "hooks.tool_registration",
    "tool.execution": "hooks.tool_execution",
    "proxy.request": "proxy.requests",
    "proxy.cache": "proxy.cache",
    "intelligence.pattern": "intelligence.patterns",
    "intelligence.performance": "intelligence.performance",
    "configuration": "configuration.changes",
    "error": "system.errors",
}


class Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class EventSource(Model):
    service_name: str
    service_version: str
    instance_id: str


class BaseEvent(Model):
    event_id: UUID
    event_type: str
    timestamp: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    version: str = "1.0.0"
    source: EventSource
    correlation_id: UUID | None = None
    trace_id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    payload: dict[str, Any]


def topic_of(event_type: str) -> str:
    for prefix, topic in TOPICS.items():
        if event_type.startswith(prefix):
            return topic
    return "events.general"


class EventPublisher:
    """Publishes as the guide's class of that name does: no key, no correlation id unless one is given."""

    def __init__(self, brokers: str) -> None:
        self.producer = AIOKafkaProducer(
            bootstrap_servers=brokers, value_serializer=lambda x: json.dumps(x).encode("utf-8")
        )

    async def publish_event(self, event_type: str, payload: dict[str, Any]) -> None:
        event = {
            "event_id": str(uuid.uuid4()),
            "event_type": event_type,
            "timestamp": datetime.now(timezone.utc).isoformat(),
            "version": "1.0.0",
            "source": {
                "service_name": "omniagent",
                "service_version": "1.2.3",
                "instance_id": "omniagent-prod-001",
            },
            "correlation_id": None,
            "trace_id": None,
            "metadata": {},
            "payload": payload,
        }
        topic = topic_of(event_type)
        say(wrote={"event_type": event_type, "topic": topic, "value": json.dumps(event)})
        await self.producer.send_and_wait(topic, event)


async def publish(brokers: str) -> None:
    publisher = EventPublisher(brokers)
    await publisher.producer.start()
    try:
        for line in sys.stdin:
            event = json.loads(line)
            await publisher.publish_event(event["event_type"], event["payload"])
    finally:
        await publisher.producer.stop()


async def read(brokers: str, group: str, count: int) -> None:
    consumer = AIOKafkaConsumer(*TOPICS.values(), bootstrap_servers=brokers, group_id=group, auto_offset_reset="latest")
    await started(consumer)
    try:
        for _ in range(count):
            record = await consumer.getone()
            event = BaseEvent.model_validate_json(record.value)
            assert record.topic == topic_of(event.event_type), record
            say(
                read={
                    "event_type": event.event_type,
                    "topic": record.topic,
                    "value": record.value.decode(),
                    "understood": event.model_dump_json(),
                }
            )
    finally:
        await consumer.stop()


if __name__ == "__main__":
    command, brokers, *rest = sys.argv[1:]
    asyncio.run(publish(brokers) if command == "publish" else read(brokers, rest[0], int(rest[1])))
