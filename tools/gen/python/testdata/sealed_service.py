"""A service that reads events with encrypted fields from a cluster, and publishes them again: it reads a request a line, and answers each
with a line."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
from uuid import uuid4

from aiokafka import AIOKafkaConsumer

from trestle_runtime.encryption import FileKEK, Keys
from trestle_runtime.kafka import KeyTopic, Publisher

package = importlib.import_module(sys.argv[1])


def described(message, received) -> dict[str, object]:
    """What was read in a record, and what programs write of it."""
    return {
        "topic": message.topic,
        "id": received.envelope.event_id,
        "plain": received.event.to_json(),
        "unavailable": [[u.path, str(u.key_id), u.reason] for u in received.unavailable],
        "shown": f"{received} {received!r} {received.event!r} {message.headers}",
    }


async def echo(consumer, publisher, keys, n: int) -> list[dict[str, object]]:
    """Reads so many records, and publishes their events again, with ids of their own."""
    out = []
    while len(out) < n:
        message = await consumer.getone()
        received = await keys.open(package.parse_record, message.value, message.headers, topic=message.topic)
        answer = described(message, received)
        if received.envelope.event_id in publisher.published:
            continue
        new = uuid4()
        publisher.published.add(str(new))
        await publisher.publish(received.event, envelope=received.envelope, event_id=new)
        out.append({**answer, "new": str(new)})
    return out


async def again(brokers, keys, topics: list[str], n: int) -> list[dict[str, object]]:
    """Reads so many records from the start."""
    out = []
    async with AIOKafkaConsumer(*topics, bootstrap_servers=brokers, auto_offset_reset="earliest") as consumer:
        while len(out) < n:
            message = await consumer.getone()
            received = await keys.open(package.parse_record, message.value, message.headers, topic=message.topic)
            out.append(described(message, received))
    return out


async def main(brokers: str, topics: str, *keks: str) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    names = topics.split(",")
    key_topic = KeyTopic(brokers)
    keys = Keys({name: FileKEK(path) for name, path in (word.split("=") for word in keks)}, key_topic)
    publisher = Publisher(brokers, keys=keys, source=package.Source(service_name="p", service_version="1", instance_id="i"))
    publisher.published = set()
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=brokers, auto_offset_reset="earliest")
    async with key_topic, publisher, consumer:
        while line := await asyncio.to_thread(sys.stdin.readline):
            request = json.loads(line)
            if request["op"] == "echo":
                said = await echo(consumer, publisher, keys, request["n"])
            else:
                said = await again(brokers, keys, names, request["n"])
            print(json.dumps(said), flush=True)


asyncio.run(main(*sys.argv[2:]))
