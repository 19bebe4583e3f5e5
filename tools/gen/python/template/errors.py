"""What can be wrong with a record. Every error here says that retrying cannot help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError


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


def faults_of(error: ValidationError, prefix: str = "") -> list[Fault]:
    """Turns pydantic's errors into faults."""
    return [
        Fault(_path(e["loc"], prefix), e["msg"])
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _path(location: Sequence[int | str], path: str) -> str:
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path = f"{path}.{part}" if path else part
    return path
