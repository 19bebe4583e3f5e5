"""What can be wrong with a record: retrying cannot help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError


class Fault(NamedTuple):
    """One thing that is wrong with an event."""

    path: str
    """Where: `initialization_steps[1].status`, relative to the payload; `envelope.timestamp` for the envelope."""
    message: str
    """What, in one line."""


class RecordError(ValueError):
    """A record that can never be handled, or an event that can never be published."""


class NotJSONError(RecordError):
    """The value is not JSON: NaN, half of a surrogate pair, a text that was cut off."""


class UnknownEventTypeError(RecordError):
    """No schema declares the record's event type."""


class TooLargeError(RecordError):
    """The record is larger than its topic takes; nothing was sent."""


class InvalidEventError(RecordError):
    """The event breaks the rules of its schema; `faults` holds every one that was found."""

    def __init__(self, event_type: str, faults: Sequence[Fault]) -> None:
        self.event_type = event_type
        self.faults = tuple(faults)
        listed = "; ".join(f"{f.path}: {f.message}" if f.path else f.message for f in self.faults)
        super().__init__(f"{event_type}: {listed}")


class NoKeysError(RuntimeError):
    """An event with fields that are to be encrypted was to be written without keys, or without keys of a class of theirs."""

    def __init__(self, event_type: str, key_class: str) -> None:
        self.event_type, self.key_class = event_type, key_class
        super().__init__(
            f"{event_type} has fields that are encrypted with keys of class {key_class}, and there are none: give to_record keys"
        )


class UnavailableError(LookupError):
    """A field that somebody asked for can't be read, since the key that it was sealed with is not to be had."""

    def __init__(self, path: str, key_id: UUID, reason: str) -> None:
        self.path, self.key_id, self.reason = path, key_id, reason
        super().__init__(f"{path} is encrypted with key {key_id}, and can't be read: {reason.replace('_', ' ')}")


HIDDEN = "***"
"""Stands in errors where a value is not to be shown."""


def broken(title: str, faults: Sequence[tuple[Sequence[int | str], str]]) -> ValidationError:
    """Makes pydantic's error of faults: where each is, and what. It has none of the values."""
    return ValidationError.from_exception_data(
        title,
        [InitErrorDetails(type=PydanticCustomError("rule", said), loc=tuple(loc), input=HIDDEN) for loc, said in faults],
    )


def without_input(error: ValidationError) -> ValidationError:
    """The same error without what was given."""
    return broken(error.title, [(e["loc"], e["msg"]) for e in _details(error)])


def of_secret(error: ValidationError) -> ValidationError:
    """What is wrong with a value that is not to be shown: neither what was given, nor where in it."""
    said = [
        "is none of the alternatives" if e["type"].startswith("union_tag") else e["msg"] for e in _details(error)
    ]
    return broken(error.title, [((), message) for message in dict.fromkeys(said)])


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def faults_of(error: ValidationError, prefix: str = "") -> list[Fault]:
    """Turns pydantic's errors into faults."""
    return [Fault(_path(e["loc"], prefix), e["msg"]) for e in _details(error)]


def _path(location: Sequence[int | str], path: str) -> str:
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path = f"{path}.{part}" if path else part
    return path
