"""A service that seals and opens values with the keys of a cluster's topic: it reads a request a line, and answers each with a line."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any
from uuid import UUID

from tests.test_cipher import raw_of
from trestle_runtime.encryption import FileKEK, Keys
from trestle_runtime.encryption.cipher import DataKey, Format, Place
from trestle_runtime.errors import KeysAwayError, KeyUnavailableError
from trestle_runtime.kafka import KeyTopic

PLACE = Place("Order", "01990000-0000-7000-8000-000000000001", "/email", "/email")


async def answer(keys: Keys, request: dict[str, str]) -> dict[str, str]:
    try:
        if request["op"] == "seal":
            key = await asyncio.to_thread(keys.current, "pii", request["person"])
            return {"sealed": key.seal(PLACE, Format.TEXT, request["value"].encode(), False)}
        raw = raw_of(request["sealed"])
        found = await asyncio.to_thread(keys.find, UUID(bytes=raw[2:18]))
        if isinstance(found, DataKey):
            return {"value": (found.open(PLACE, raw) or b"?").decode()}
        return {"reason": found}
    except KeyUnavailableError as e:
        return {"reason": e.reason}
    except KeysAwayError as e:
        return {"away": str(e)}


async def main(brokers: str, topic_name: str, path: str, timeout: str) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    topic = KeyTopic(brokers, topic_name, timeout=float(timeout), retry_backoff_ms=50)
    keys = Keys({"pii": FileKEK(path)}, topic)
    async with topic:
        while line := await asyncio.to_thread(sys.stdin.readline):
            said: Any = await answer(keys, json.loads(line))
            print(json.dumps(said), flush=True)


asyncio.run(main(*sys.argv[1:]))
