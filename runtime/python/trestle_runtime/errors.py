"""What can be wrong with keys."""

from __future__ import annotations

from uuid import UUID

REASONS = {
    "no_kek": "no KEK is configured for that class",
    "unknown_key": "no such key is kept",
    "destroyed": "it was destroyed",
    "erased": "it was erased, with all keys of that person",
    "denied": "the KEK denies it to this program",
    "unknown_kek": "the KEK knows no key of the name that it is wrapped with",
    "broken": "its entry can't be read, or what is wrapped was changed",
}
"""Why a key can't be had, whoever asks again, and that in words."""


class KeyUnavailableError(Exception):
    """A key can't be had, and asking again does not help: not before somebody changes access or settings."""

    def __init__(self, reason: str, key_class: str, key_id: UUID | None = None, said: str = "") -> None:
        self.reason, self.key_class, self.key_id = reason, key_class, key_id
        super().__init__(f"{named(key_class, key_id)}: {said or REASONS[reason]}")


class KeysAwayError(Exception):
    """A key can't be had now, since its KEK or the topic of keys can't be asked. Trying again may help."""


class KEKRefusal(Exception):
    """What a KEK answers, whoever asks again. Any other error of a KEK says that it can't be asked now."""

    reason = ""


class DeniedError(KEKRefusal):
    """This program may not use the KEK's key."""

    reason = "denied"


class UnknownKEKError(KEKRefusal):
    """The KEK has no key of that name."""

    reason = "unknown_kek"


class KEKDestroyedError(KEKRefusal):
    """The KEK had a key of that name, and has destroyed it."""

    reason = "destroyed"


class NotWrappedError(KEKRefusal):
    """What is wrapped is not what the KEK's key wrapped in that context."""

    reason = "broken"


def named(key_class: str, key_id: UUID | None) -> str:
    """A key in a message."""
    if key_id is None:
        return f"key of class {key_class}"
    return f"key {key_id} of class {key_class}" if key_class else f"key {key_id}"
