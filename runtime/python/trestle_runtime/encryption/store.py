"""Where the entries of data keys are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol


class Store(Protocol):
    """Where entries are kept, for all programs: records of the topic of keys. An error of it says that it can't be asked now.
    It is called from several threads, none of which runs an event loop."""

    def append(self, key: bytes, value: bytes) -> None:
        """Writes a record, and returns once it is durable. With an error it may have been written."""

    def sync(self) -> None:
        """Returns once all has been taken that was written, by anybody, before it was called."""

    def follow(self, take: Callable[[bytes | None, bytes | None], None], restarted: Callable[[], None]) -> None:
        """Begins to give records to take, from the first on. restarted says that what was given may be kept no longer, and that
        all is given again."""


class MemoryStore:
    """A store in memory, for tests, and for programs that are given the records of the topic."""

    def __init__(self, records: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.records = list(records)
        self._followers: list[Callable[[bytes | None, bytes | None], None]] = []

    def append(self, key: bytes, value: bytes) -> None:
        """Keeps a record."""
        self.records.append((key, value))
        for take in self._followers:
            take(key, value)

    def sync(self) -> None:
        """Does nothing: all has been taken."""

    def follow(self, take: Callable[[bytes | None, bytes | None], None], restarted: Callable[[], None]) -> None:
        """Gives all records."""
        self._followers.append(take)
        for key, value in self.records:
            take(key, value)
