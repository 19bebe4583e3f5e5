"""The topic of keys, and a publisher of events, with aiokafka."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import KeysAwayError

try:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
except ImportError as e:
    raise ImportError("this needs the package aiokafka: install trestle-runtime with its extra kafka") from e

if TYPE_CHECKING:
    from typing_extensions import Self

    from .encryption import Keys

_log = logging.getLogger("trestle_runtime")

_LARGEST_REQUEST = 8 << 20  # what a topic takes, its broker says

T = TypeVar("T")


class KeyTopic:
    """The store of keys on a cluster: a compacted topic of one partition, which `trestle topics apply` makes. It is used as

    ~~~python
    topic = KeyTopic("localhost:9092")
    keys = Keys({"pii": FileKEK("pii.kek")}, topic)
    async with topic:
        ...
    ~~~
    """

    def __init__(
        self, bootstrap_servers: str | list[str], topic: str = "trestle_keys", *, timeout: float = 30.0, **client: Any
    ) -> None:
        """topic is what the environment calls it. timeout is how many seconds it may take until the cluster counts as away; client has
        further settings of aiokafka, such as those of security."""
        self._client = {"bootstrap_servers": bootstrap_servers, **client}
        self._partition = TopicPartition(topic, 0)
        self._timeout = timeout
        self._take: Callable[[bytes | None, bytes | None], None] = lambda key, value: None
        self._restarted: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next = 0  # the offset behind what was taken
        self._begun = 0  # how often reading began
        self._moved = asyncio.Condition()

    def __repr__(self) -> str:
        return f"KeyTopic({self._partition.topic!r})"

    def follow(self, take: Callable[[bytes | None, bytes | None], None], restarted: Callable[[], None]) -> None:
        """Gives the topic's records, once it is started."""
        self._take, self._restarted = take, restarted

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Begins to read the topic, from its start."""
        self._consumer = AIOKafkaConsumer(
            **self._client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        # An entry that is there twice is one. Sequence numbers would be refused for ever by a topic that was made anew.
        self._producer = AIOKafkaProducer(**self._client, acks="all")
        self._consumer.assign([self._partition])
        await self._consumer.start()
        try:
            await self._producer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        self._loop = asyncio.get_running_loop()
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Ends reading. Keys that were had before can be used on."""
        self._loop = None
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._consumer.stop()
        await self._producer.stop()

    def append(self, key: bytes, value: bytes) -> None:
        """Writes a record, which all replicas have when it returns."""
        topic = self._partition.topic
        self._wait(lambda: self._producer.send_and_wait(topic, value, key=key, partition=self._partition.partition))

    def sync(self) -> None:
        """Returns once all has been taken that was written before it was called."""
        self._wait(self._reach_end)

    def _wait(self, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Has the event loop do something for another thread."""
        if self._loop is None:
            raise KeysAwayError(f"topic {self._partition.topic} is not read: use it as async with topic")
        done = asyncio.run_coroutine_threadsafe(asyncio.wait_for(begin(), self._timeout), self._loop)
        try:
            return done.result(self._timeout + 1)  # the loop may have ended meanwhile
        except (TimeoutError, FutureTimeoutError, asyncio.TimeoutError):  # which are three before Python 3.11
            done.cancel()
        raise TimeoutError(f"the cluster did not answer within {self._timeout} s")

    async def _reach_end(self) -> None:
        end = (await self._consumer.end_offsets([self._partition]))[self._partition]
        async with self._moved:
            if end < self._next:  # it was made anew
                self._begin_again()
                self._consumer.seek(self._partition, 0)
            await self._moved.wait_for(lambda: self._next >= end)

    def _begin_again(self) -> None:
        self._next, self._begun = 0, self._begun + 1
        self._restarted()

    async def _read(self) -> None:
        pause = 0.1
        while True:
            begun = self._begun
            try:
                batches = await self._consumer.getmany(self._partition, timeout_ms=200)
                position = await self._consumer.position(self._partition)
                pause = 0.1
            except Exception:  # noqa: BLE001 - keys are read on, whatever it is
                _log.exception("reading topic %s is tried again", self._partition.topic)
                await asyncio.sleep(pause)
                pause = min(2 * pause, 10.0)
                continue
            async with self._moved:
                if begun != self._begun:  # these were before
                    continue
                for record in batches.get(self._partition, ()):
                    if record.offset < self._next:  # the topic has lost records, or was made anew
                        self._begin_again()
                    self._take(record.key, record.value)
                    self._next = record.offset + 1
                self._next = max(self._next, position)  # which passes over what is no record
                self._moved.notify_all()


class Publisher:
    """Publishes events: all replicas have an event when it is published, once and in order, compressed with gzip. It is used as

    ~~~python
    async with Publisher("localhost:9092", keys=keys) as publisher:
        await publisher.publish(event)
    ~~~
    """

    def __init__(
        self, bootstrap_servers: str | list[str], *, keys: Keys | None = None, source: Any = None, **client: Any
    ) -> None:
        """Events with encrypted fields need keys. source is the envelope's, of events that have one; client has further settings of
        aiokafka's producer, such as those of security."""
        self._settings = {
            "bootstrap_servers": bootstrap_servers,
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "gzip",
            "max_request_size": _LARGEST_REQUEST,
            **client,
        }
        self._keys, self._source = keys, source

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connects."""
        self._producer = AIOKafkaProducer(**self._settings)
        await self._producer.start()

    async def stop(self) -> None:
        """Waits for what is under way, and disconnects."""
        await self._producer.stop()

    async def publish(self, event: Any, **options: Any) -> Any:
        """Publishes an event, with the options of its to_record, and returns where it stands (topic, partition, offset).

        The errors are those of to_record, a KeyUnavailableError or a KeysAwayError of its keys, or aiokafka's.
        """
        if self._source is not None:
            options.setdefault("source", self._source)
        if self._keys is None:
            record = event.to_record(**options)
        else:
            record = await self._keys.seal(event, **options)
        return await self._producer.send_and_wait(record.topic, record.value, key=record.key, headers=record.headers)
