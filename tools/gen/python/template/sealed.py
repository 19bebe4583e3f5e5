"""What of events is encrypted, as the schemas have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seal:
    """How a member is encrypted on the wire."""

    key: str
    """The class of keys with which it is."""
    deterministic: bool = False
    """One value is encrypted to the same text wherever it stands in events of the type."""
    beside: bool = False
    """The value is no text: encrypted, it is not there, and its text is in a member of that name followed by _encrypted."""


@dataclass(frozen=True)
class SealedType:
    """What of the objects of one type is encrypted. Other values are described by the name of their type, behind "[]" for
    each list or map that they stand in; those that are not described have nothing that is encrypted."""

    seals: Mapping[str, Seal] = field(default_factory=dict)
    """How members are encrypted, by their names."""
    members: Mapping[str, str] = field(default_factory=dict)
    """What describes the values of members that are not encrypted themselves, by their names."""
    others: str = ""
    """What describes the values of members that the schema does not declare."""
    choice: str = ""
    """The member that says which type an object is of; empty where the type is no choice."""
    variants: Mapping[str, str] = field(default_factory=dict)
    """The names of those types by its value."""
