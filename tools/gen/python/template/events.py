"""Events and the records that carry them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, ClassVar, NamedTuple
from uuid import UUID, uuid4

from pydantic import Field, ValidationError

from . import sealed, text
from .errors import (
    Fault,
    InvalidEventError,
    NoKeysError,
    RecordError,
    TooLargeError,
    UnknownEventTypeError,
    faults_of,
)
from .model import PARTIAL, Model
from .sealed import Keys, SealedType, Unavailable
from .times import in_utc, now
from .types import JsonObject, Text, Timestamp, Uuid, read_uuid

HEADER_EVENT_ID = "event-id"
HEADER_EVENT_TYPE = "event-type"
HEADER_CONTENT_TYPE = "content-type"
HEADER_SCHEMA_DIGEST = "schema-digest"
CONTENT_TYPE = b"application/json"

ONEX_V1 = "onex_v1"
BASE_EVENT = "base_event"
NO_ENVELOPE = "none"

ONEX_VERSION = "1.0"
BASE_EVENT_VERSION = "1.0.0"


@dataclass(frozen=True)
class RetryTopic:
    """A topic in which events wait that a handler failed on, to be handled again."""

    topic: str
    delay_ms: int
    """How long an event waits there."""
    attempts: int
    """How often an event comes there before the next one, or its dead letter."""


@dataclass(frozen=True)
class Topic:
    """A topic and the settings that the schemas declare for it."""

    name: str
    dead_letter: str | None
    """The topic that takes what could not be processed."""
    event_types: tuple[str, ...]
    partitions: int
    retention_ms: int
    cleanup_policy: str
    compression_type: str
    max_message_bytes: int | None
    """The largest record batch it takes, before compression; None: the broker's default."""
    retries: tuple[RetryTopic, ...] = ()
    """Where its events wait before they are dead letters, one after the other."""
    retry_of: str | None = None
    """The topic whose events wait in this one; None: it is no retry topic."""


@dataclass(frozen=True)
class ConsumerGroup:
    """A consumer group and what it reads."""

    name: str
    topics: tuple[str, ...]
    auto_offset_reset: str
    enable_auto_commit: bool
    session_timeout_ms: int
    heartbeat_interval_ms: int
    owner: str
    retry_topics: tuple[str, ...] = ()
    """The retry topics of its topics. Their records say by headers which group is to handle them, and when."""


@dataclass(frozen=True)
class EventInfo:
    """The static description of an event type."""

    type: str
    """On the wire."""
    full_name: str
    role: str
    """request, response, status, event or dead_letter."""
    envelope: str
    """onex_v1, base_event or none."""
    topic: Topic | None
    """None for an event that has no topic of its own: a dead letter."""
    key: tuple[str, ...]
    """Paths of which the first that is set is the record's key."""
    reply: str | None = None
    """The event type that answers this request."""
    schema_digest: str | None = None
    """What identifies its schema in every registry; None where that is protobuf, which is not written here."""
    sealed_keys: tuple[str, ...] = ()
    """The classes of keys by which fields of it are encrypted, sorted."""
    sealed: Mapping[str, SealedType] = field(default_factory=dict, repr=False, compare=False)
    """What of the types in it is encrypted, by their names; its own is full_name."""
    data_subject: tuple[str, ...] = ()
    """The path of the member that names the person whom it is about; empty where the schema names none."""

    @property
    def dead_letter_topic(self) -> str | None:
        """The topic that takes events of the type that could not be processed."""
        return self.topic.dead_letter if self.topic else None


class Source(Model):
    """Which instance of which service an event comes from."""

    service_name: Text
    service_version: Text
    instance_id: Text


@dataclass(frozen=True)
class Envelope:
    """What surrounds an event, of either family; a member that a family lacks is None."""

    event_type: str
    timestamp: datetime
    version: str | None = None
    event_id: str | None = None
    """A UUID. None: the producer gave none, and the record's place is its identity."""
    correlation_id: UUID | None = None
    session_id: UUID | None = None
    trace_id: str | None = None
    source: Source | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    additional: Mapping[str, Any] = field(default_factory=dict)
    """What was read and the family's schema does not have, such as a service's `causation_id`. It is never written."""


class Record(NamedTuple):
    """A record to be produced, of no particular Kafka client."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]

    def __repr__(self) -> str:
        """Tells of key and value, which may hold what is sensitive, only how long they are."""
        return f"Record(topic={self.topic!r}, key of {len(self.key or b'')} bytes, value of {len(self.value)} bytes)"


class _Pair(NamedTuple):
    event: Event
    envelope: Envelope


class Received(_Pair):
    """What was in a record: the event, and its envelope."""

    unavailable: tuple[Unavailable, ...] = ()
    """The encrypted fields that can't be read; they are None in the event, and what has rules on them was not judged."""
    unsealed: int = 0
    """How many values are not encrypted though the schema has them so, as in events that are older than that."""

    def require(self, path: str) -> Any:
        """The value at a path of the event, `customer.email`; an UnavailableError says that it can't be read, and why."""
        return sealed.require(self.event, self.unavailable, path)


class Event(Model):
    """A model that travels as a record; `EVENT` describes its type."""

    EVENT: ClassVar[EventInfo]

    def to_record(
        self,
        *,
        envelope: Envelope | None = None,
        source: Source | None = None,
        correlation_id: UUID | None = None,
        session_id: UUID | None = None,
        trace_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        event_id: UUID | None = None,
        timestamp: datetime | None = None,
        topic: str | None = None,
        keys: Keys | None = None,
    ) -> Record:
        """The record of the event, in its envelope.

        envelope is one that was read, say, of an event that is published again; the other arguments count before it.
        What the envelope and the event both have is taken from either, and must be equal where both carry it. A
        correlation id that an onex_v1 envelope needs and nobody gave is made up. A base_event envelope needs a source.
        An event type without a topic of its own, such as a dead letter, needs the topic. An event type with encrypted fields
        needs keys.

        An InvalidEventError says which rules the event breaks, a TooLargeError that its topic takes no such record, a
        NoKeysError that there are no keys to encrypt it with, and an UnavailableError that it was read without a field that is
        encrypted, which it would lose.
        """
        info = self.EVENT
        name = topic or (info.topic.name if info.topic else None)
        if name is None:
            raise RecordError(f"{info.full_name}: the event type has no topic of its own: give one")
        sealed.refuse_unavailable(self, self.__dict__.get(PARTIAL, ()))
        try:
            event = self.checked()
        except ValidationError as e:
            raise InvalidEventError(info.full_name, faults_of(e)) from None
        given = envelope or Envelope(event_type=info.type, timestamp=now())
        envelope = Envelope(
            event_type=info.type,
            timestamp=in_utc(timestamp or given.timestamp),
            version=given.version,
            event_id=str(event_id or given.event_id or uuid7()),
            correlation_id=correlation_id or given.correlation_id,
            session_id=session_id or given.session_id,
            trace_id=trace_id or given.trace_id,
            source=source or given.source,
            metadata=given.metadata if metadata is None else metadata,
        )
        envelope, faults = share(event, envelope)
        if info.envelope == ONEX_V1 and envelope.correlation_id is None:
            envelope = replace(envelope, correlation_id=uuid4())
            envelope, _ = share(event, envelope)
        if info.envelope == BASE_EVENT and (envelope.source is None or _is_empty(envelope.source)):
            faults.append(Fault("envelope.source", "value is required"))
        if faults:
            raise InvalidEventError(info.full_name, faults)
        payload: Any = event
        if info.sealed_keys:
            plain, named = _as_json(info, event.to_json), sealed.Named(info.type, info.full_name, str(envelope.event_id))
            payload = sealed.seal(info.sealed, named, plain, event._current_keys(keys))
        value = _as_json(info, lambda: _write(info, envelope, payload))
        headers = [
            (HEADER_EVENT_ID, str(envelope.event_id).encode()),
            (HEADER_EVENT_TYPE, info.type.encode()),
            (HEADER_CONTENT_TYPE, CONTENT_TYPE),
        ]
        if info.schema_digest:
            headers.append((HEADER_SCHEMA_DIGEST, info.schema_digest.encode()))
        key = event.partition_key(envelope)
        record = Record(name, key.encode() if key else None, value, headers)
        limit = info.topic.max_message_bytes if info.topic else None
        if limit and (size := record_size(record)) > limit:
            raise TooLargeError(f"{info.full_name}: record has {size} bytes, topic {name} takes {limit}")
        return record

    def _current_keys(self, keys: Keys | None) -> dict[str, sealed.Key]:
        """The keys that the event's fields are encrypted with, by their classes."""
        info = self.EVENT
        subject = _at(self, ".".join(info.data_subject)) if info.data_subject else ""
        if keys is None:
            raise NoKeysError(info.full_name, info.sealed_keys[0])
        return {key_class: keys.current(key_class, subject) for key_class in info.sealed_keys}

    def partition_key(self, envelope: Envelope) -> str:
        """The record's key: the first path of the schema's that is set, in the event, else in the envelope."""
        for path in self.EVENT.key:
            value = _at(self, path)
            if not value and self.EVENT.envelope != NO_ENVELOPE:
                value = _at(envelope, path)
            if value:
                return value
        return ""


def _at(holder: Any, path: str) -> str:
    """The text at a path of attributes; empty when there is none."""
    for name in path.split("."):
        if isinstance(holder, Model):
            holder = holder.__dict__.get(type(holder)._names().get(name, ""))
        else:
            holder = getattr(holder, name, None)
    if isinstance(holder, Enum):
        holder = holder.value
    return str(holder) if isinstance(holder, str | UUID) else ""


_SHARED: dict[str, tuple[str, ...]] = {
    ONEX_V1: ("correlation_id", "session_id", "timestamp"),
    BASE_EVENT: ("correlation_id", "trace_id"),
    NO_ENVELOPE: (),
}


def share(event: Event, envelope: Envelope) -> tuple[Envelope, list[Fault]]:
    """Fills event and envelope from each other. Ids that differ are faults."""
    names = type(event)._names()
    faults: list[Fault] = []
    for name in _SHARED[event.EVENT.envelope]:
        if name not in names:
            continue
        ours, theirs = event.__dict__[names[name]], getattr(envelope, name)
        if isinstance(ours, str) and isinstance(theirs, UUID):
            theirs = str(theirs)
        if ours is None:
            if theirs is not None:
                try:
                    setattr(event, names[name], theirs)
                except ValidationError as e:
                    faults += faults_of(e)
        elif name == "timestamp":
            continue
        elif theirs is None:
            filled: dict[str, Any] = {name: (str(ours) if name == "trace_id" else _as_id(ours)) or None}
            envelope = replace(envelope, **filled)
        elif str(ours).lower() != str(theirs).lower():
            faults.append(Fault(name, f"must equal the envelope's {name}"))
    return envelope, faults


def _as_id(value: UUID | str) -> UUID | None:
    if isinstance(value, UUID):
        return value
    return UUID(value) if value else None


def _as_json(info: EventInfo, write: Callable[[], str]) -> bytes:
    try:
        return write().encode("utf-8")
    except (TypeError, ValueError, RecursionError) as e:
        said = str(e)
    raise InvalidEventError(info.full_name, [Fault("", f"has no JSON form: {said}")])  # not from an error that has the event


def _write(info: EventInfo, envelope: Envelope, payload: Any) -> str:
    if info.envelope == ONEX_V1:
        return text.dumps(
            {
                "envelope_version": envelope.version or ONEX_VERSION,
                "correlation_id": envelope.correlation_id,
                "session_id": envelope.session_id,
                "event_type": envelope.event_type,
                "timestamp": envelope.timestamp,
                "payload": payload,
            }
        )
    if info.envelope == BASE_EVENT:
        return text.dumps(
            {
                "event_id": envelope.event_id,
                "event_type": envelope.event_type,
                "timestamp": envelope.timestamp,
                "version": envelope.version or BASE_EVENT_VERSION,
                "source": envelope.source,
                "correlation_id": envelope.correlation_id,
                "trace_id": envelope.trace_id or None,
                "metadata": envelope.metadata,
                "payload": payload,
            }
        )
    return text.dumps(payload)


class _OnexEnvelope(Model):
    ZERO_IS_ABSENT: ClassVar[dict[str, object]] = {"event_type": "", "envelope_version": ""}

    envelope_version: Text = ONEX_VERSION
    correlation_id: Uuid
    session_id: Uuid | None = None
    event_type: Text
    timestamp: Timestamp
    payload: dict[str, Any]


class _BaseEventEnvelope(Model):
    ZERO_IS_ABSENT: ClassVar[dict[str, object]] = {"event_type": "", "version": "", "trace_id": ""}

    event_id: Uuid
    event_type: Text
    timestamp: Timestamp | None = None
    version: Text = BASE_EVENT_VERSION
    source: Annotated[Source, Field()]
    correlation_id: Uuid | None = None
    trace_id: Text | None = None
    metadata: JsonObject = Field(default_factory=dict)
    payload: dict[str, Any]


class Catalog:
    """The event types that records are read as."""

    def __init__(self, events: Sequence[type[Event]]) -> None:
        self._by_type: dict[str, list[type[Event]]] = {}
        self._by_topic: dict[str, list[type[Event]]] = {}
        for event in events:
            self._by_type.setdefault(event.EVENT.type, []).append(event)
            if event.EVENT.topic is not None:
                self._by_topic.setdefault(event.EVENT.topic.name, []).append(event)

    def find(self, event_type: str, topic: str | None = None) -> type[Event] | None:
        """The event of that type: the one declared for the topic, else the only one of that type."""
        events = self._by_type.get(event_type, [])
        for event in events:
            if event.EVENT.topic is not None and event.EVENT.topic.name == topic:
                return event
        return events[0] if len(events) == 1 else None

    def parse(
        self,
        value: bytes,
        headers: Iterable[tuple[str, bytes | None]] = (),
        *,
        topic: str | None = None,
        timestamp: datetime | None = None,
        keys: Keys | None = None,
    ) -> Received:
        """Reads a record's value: the event, and what surrounds it, each filled in from the other.

        timestamp is the record's own; it stands in where the value has no time. Encrypted fields are read with keys; those
        that can't be are None. A RecordError says why the record can never be handled.
        """
        given: dict[str, bytes] = {}
        for name, content in headers:
            given.setdefault(name, content or b"")
        document = text.loads(_unframed(value, given))
        if not isinstance(document, dict):
            raise InvalidEventError("record", [Fault("envelope", "must be an object")])
        named = given.get(HEADER_EVENT_TYPE, b"").decode("utf-8", "replace")
        event = self.find(named, topic)
        if event is None:
            candidates = self._by_topic.get(topic or "", [])
            if len(candidates) == 1 and candidates[0].EVENT.topic and len(candidates[0].EVENT.topic.event_types) <= 1:
                event = candidates[0]
        if event is None or event.EVENT.envelope != NO_ENVELOPE:
            inside = document.get("event_type")
            if isinstance(inside, str) and inside:
                named = inside
                event = self.find(inside, topic)
        if event is None:
            raise UnknownEventTypeError(f"event type {named!r} is not known")
        identity = given.get(HEADER_EVENT_ID, b"").decode("utf-8", "replace") or None
        return _read(event, document, in_utc(timestamp) if timestamp else None, identity, keys)


def _unframed(value: bytes, headers: Mapping[str, bytes]) -> bytes:
    if not value:
        raise RecordError("the record has no value")
    if len(value) > 5 and value[0] == 0 and value[5:6] == b"{":
        return value[5:]
    if value[0] == 0 or headers.get(HEADER_CONTENT_TYPE) == b"application/protobuf":
        raise RecordError("the value is protobuf; this package reads JSON")
    return value


_MEMBERS: dict[str, tuple[str, ...]] = {
    ONEX_V1: tuple(_OnexEnvelope.model_fields),
    BASE_EVENT: tuple(_BaseEventEnvelope.model_fields),
}


def _is_bare(family: str, document: dict[str, Any]) -> bool:
    """Whether a document is no envelope but the payload itself, as some services write it."""
    if family == NO_ENVELOPE or "event_type" in document:
        return False
    if ("envelope_version" if family == ONEX_V1 else "version") in document:
        return False
    return any(name not in _MEMBERS[family] for name in document)


def _is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and read_uuid(value) is not None
    except ValueError:
        return False


def _wider(document: dict[str, Any]) -> dict[str, Any]:
    """The onex_v1 envelope in that of services whose envelope has more: `event_timestamp` stands for `timestamp`."""
    if document.get("timestamp") is None and isinstance(document.get("event_timestamp"), str):
        return _with(document, {"timestamp": document["event_timestamp"]})
    return document


def _with(document: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a document with more members, which knows the names that stood in it more than once."""
    copy = {**document, **more}
    if not isinstance(document, text.Repeated):
        return copy
    repeated = text.Repeated(copy)
    repeated.names = document.names
    return repeated


def _beside(document: dict[str, Any]) -> dict[str, Any]:
    """What an onex_v1 envelope says that the family's schema does not have."""
    said: dict[str, Any] = {}
    known = set(_MEMBERS[ONEX_V1])
    if _is_id(document.get("event_id")):
        said["event_id"] = document["event_id"]
        known.add("event_id")
    if isinstance(document.get("metadata"), dict):
        said["metadata"] = document["metadata"]
        known.add("metadata")
    names = ("source_service", "source_version", "source_instance")
    source = {name: document[name] for name in names if isinstance(document.get(name), str)}
    if source:
        service, version, instance = (source.get(name, "") for name in names)
        said["source"] = Source(service_name=service, service_version=version, instance_id=instance)
        known.update(source)
    if document.get("timestamp") is None:
        known.add("event_timestamp")
    said["additional"] = {name: value for name, value in document.items() if name not in known and value is not None}
    return said


def _read(
    event: type[Event], document: dict[str, Any], written: datetime | None, identity: str | None, keys: Keys | None
) -> Received:
    info = event.EVENT
    envelope = Envelope(event_type=info.type, timestamp=written or now())
    payload = document
    surrounding: _OnexEnvelope | _BaseEventEnvelope | None = None
    bare = _is_bare(info.envelope, document)
    try:
        if bare:
            pass
        elif info.envelope == ONEX_V1:
            surrounding = _OnexEnvelope.model_validate(_wider(document))
        elif info.envelope == BASE_EVENT:
            surrounding = _BaseEventEnvelope.model_validate(document)
    except ValidationError as e:
        raise InvalidEventError(info.full_name, faults_of(e, "envelope")) from None
    if isinstance(surrounding, _OnexEnvelope):
        envelope = replace(
            envelope,
            version=surrounding.envelope_version,
            correlation_id=surrounding.correlation_id,
            session_id=surrounding.session_id,
            timestamp=surrounding.timestamp,
            **_beside(document),
        )
        payload = document["payload"]
    elif surrounding is not None:
        if _is_empty(surrounding.source):
            raise InvalidEventError(info.full_name, [Fault("envelope.source", "value is required")])
        envelope = replace(
            envelope,
            version=surrounding.version,
            event_id=str(surrounding.event_id),
            correlation_id=surrounding.correlation_id,
            trace_id=surrounding.trace_id,
            timestamp=surrounding.timestamp or envelope.timestamp,
            source=surrounding.source,
            metadata=surrounding.metadata,
            additional={k: v for k, v in document.items() if k not in _MEMBERS[BASE_EVENT] and v is not None},
        )
        payload = document["payload"]
    envelope = replace(envelope, event_id=identity or envelope.event_id)
    payload = _completed(event, payload, envelope)
    opened = sealed.NOTHING
    if info.sealed_keys:
        named = sealed.Named(info.type, info.full_name, envelope.event_id or "")
        opened = sealed.open_payload(info.sealed, named, payload, keys)
    try:
        made = event.model_validate(
            payload, context={"now": envelope.timestamp, "json": True, "partial": opened.partial}
        )
    except ValidationError as e:
        raise InvalidEventError(info.full_name, faults_of(e)) from None
    if bare and isinstance(sent := made.__dict__.get(made._names().get("timestamp", "")), datetime):
        envelope = replace(envelope, timestamp=sent)
    envelope, faults = share(made, envelope)
    if faults:
        raise InvalidEventError(info.full_name, faults)
    received = Received(made, envelope)
    if opened.unavailable:
        made.__dict__[PARTIAL] = received.unavailable = opened.unavailable
    received.unsealed = opened.plain
    return received


def _completed(event: type[Event], payload: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
    """The payload with what it lacks and the envelope has."""
    missing: dict[str, Any] = {}
    names = event._names()
    for name in _SHARED[event.EVENT.envelope]:
        value = getattr(envelope, name)
        absent = event._lacks(payload, name)
        if name in names and absent and value is not None:
            missing[name] = str(value) if isinstance(value, UUID) else value
    return _with(payload, missing) if missing else payload


def _is_empty(source: Source) -> bool:
    return not (source.service_name or source.service_version or source.instance_id)


def record_size(record: Record) -> int:
    """What the record takes as a batch of its own, before compression: what a broker holds against its limit."""
    size = 3 + _varint(len(record.key or b"")) + len(record.key or b"") + _varint(len(record.value)) + len(record.value)
    size += _varint(len(record.headers))
    for name, value in record.headers:
        encoded = name.encode()
        size += _varint(len(encoded)) + len(encoded) + _varint(len(value)) + len(value)
    return 61 + _varint(size) + size


def _varint(n: int) -> int:
    return max(1, ((n << 1).bit_length() + 6) // 7)


def uuid7() -> UUID:
    """A UUID of version 7: ordered by time, to the millisecond."""
    millis = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    return UUID(int=millis << 80 | 7 << 76 | (tail >> 68) << 64 | 2 << 62 | tail & (1 << 62) - 1)
