"""How data keys are kept on the topic of keys: docs/formats.md describes the entries."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from .cipher import counted

VERSION = 1
PERSON_TAG_SIZE = 32
WRAPPED_PERSON_SIZE = 12 + 32 + 16

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-][0-9]{2}:[0-9]{2}))"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class EntryError(ValueError):
    """An entry that can't be read. It says nothing of what is wrapped."""


@dataclass(frozen=True)
class Entry:
    """How a data key is kept: wrapped, or destroyed. One that has a parent is the key of a person."""

    id: UUID
    key_class: str
    created: int
    """In microseconds since 1970."""
    kek: str = ""
    """The name of the KEK's key that a class's data key is wrapped with."""
    parent: UUID | None = None
    """The data key of the class that a person's key is wrapped with."""
    person: bytes = b""
    """What stands for the person under the parent."""
    wrapped: bytes = b""
    """Empty: it was destroyed."""
    destroyed: int | None = None
    why: str = ""
    """`destroy`, or `erase` of one that was destroyed with all of its person."""

    def __repr__(self) -> str:
        return f"Entry({self.id} of class {self.key_class})"

    @property
    def record(self) -> tuple[bytes, bytes]:
        """The key and the value of the record on the topic."""
        members: dict[str, Any] = {
            "version": VERSION, "id": str(self.id), "class": self.key_class, "created": _format_time(self.created)
        }  # fmt: skip
        if self.parent is not None:
            members.update(parent=str(self.parent), person=b64encode(self.person).decode())
        elif self.kek:
            members.update(kek=self.kek)
        if self.destroyed is None:
            members.update(wrapped=b64encode(self.wrapped).decode())
        else:
            members.update(destroyed=_format_time(self.destroyed), why=self.why)
        value = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        return str(self.id).encode(), value.encode()


def context_of(key_class: str, key_id: UUID) -> bytes:
    """What a data key is bound to where it is wrapped."""
    return b"trestle.key.v1" + counted(key_class.encode()) + key_id.bytes


def parse_entry(key: bytes | None, value: bytes | None) -> Entry:
    """Reads a record of the topic. Members that are not known are passed over."""
    if not value:
        raise EntryError("its entry is empty: keys that are no longer wanted are destroyed, not deleted")
    members: Any = None
    try:
        members = json.loads(value)
    except (ValueError, RecursionError):
        pass
    if not isinstance(members, dict):
        raise EntryError("its entry is not a JSON object")
    version = members.get("version")
    if type(version) is not int:
        raise EntryError("its entry has no version")
    if version != VERSION:
        raise EntryError(f"its entry is of version {version}, and this reads version {VERSION}: a newer release may")
    entry = Entry(
        id=_id(members, "id"),
        key_class=_text(members, "class"),
        created=_time(members, "created") or 0,
        kek=_text(members, "kek"),
        parent=_id(members, "parent") if members.get("parent") is not None else None,
        person=_bytes(members, "person"),
        wrapped=_bytes(members, "wrapped"),
        destroyed=_time(members, "destroyed"),
        why=_text(members, "why"),
    )
    _check(entry)
    if key != str(entry.id).encode():
        raise EntryError("the entry is of another key than the record")
    return entry


def _check(entry: Entry) -> None:
    is_person = entry.parent is not None
    for is_wrong, what in (
        (entry.id.int == 0, "it has no id"),
        (not entry.key_class, "it has no class"),
        (not entry.created, "it has no time at which it was created"),
        (
            is_person and len(entry.person) != PERSON_TAG_SIZE,
            f"what stands for the person is of {len(entry.person)} bytes",
        ),
        (not is_person and entry.person, "it is a person's and has no parent"),
        (entry.destroyed is None and not entry.wrapped, "nothing is wrapped, and it was not destroyed"),
        (
            entry.destroyed is None and is_person and len(entry.wrapped) != WRAPPED_PERSON_SIZE,
            f"what is wrapped is of {len(entry.wrapped)} bytes, not {WRAPPED_PERSON_SIZE}",
        ),
        (entry.destroyed is None and not is_person and not entry.kek, "it has no name of a KEK's key"),
    ):
        if is_wrong:
            raise EntryError(f"its entry is broken: {what}")


def _broken(name: str, what: str) -> EntryError:
    return EntryError(f"its entry is broken: {name} is not {what}")


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        raise _broken(name, "a string")
    return value or ""


def _id(members: dict[str, Any], name: str) -> UUID:
    text = _text(members, name)
    if not text:
        return UUID(int=0)
    if not _UUID.fullmatch(text):
        raise _broken(name, "a UUID")
    return UUID(text)


def _bytes(members: dict[str, Any], name: str) -> bytes:
    text = _text(members, name)
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise _broken(name, "base64")


def _time(members: dict[str, Any], name: str) -> int | None:
    text = _text(members, name)
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is not None:
        try:
            at = datetime.fromisoformat(match[1].upper() + (match[3] or "+00:00"))
            return (at - _EPOCH) // timedelta(seconds=1) * 1_000_000 + int((match[2] or "")[:6].ljust(6, "0"))
        except (ValueError, OverflowError):
            pass
    raise _broken(name, "an RFC 3339 time")


def _format_time(micros: int) -> str:
    text = (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat(timespec="microseconds")
    return text.rstrip("0").rstrip(".") + "Z"
