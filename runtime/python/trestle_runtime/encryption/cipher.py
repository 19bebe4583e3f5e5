"""Data keys, which seal values to their place in an event. docs/formats.md says how sealed values are written."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_SIZE = 32
"""The size of a data key's secret, in bytes."""

NONCE_SIZE = 12

_PREFIX = "trs:"
_VERSION = 1
_RANDOM, _DETERMINISTIC = 1, 2
_HEADER_SIZE = 18
_PLACE_VERSION = b"trestle.sealed.v1"
_MOST_SEALED = 1 << 32  # random nonces of 96 bits: NIST SP 800-38D, 8.3


class Format(IntEnum):
    """What was sealed."""

    TEXT = 0
    """The text of a string, in UTF-8."""
    JSON = 1
    """A JSON text."""
    PROTOBUF = 2
    """Fields of a protobuf message, as they stand in it."""
    BYTES = 3
    """Bytes as they are."""


class Place(NamedTuple):
    """Where a value stands. What is sealed in one place does not open in another."""

    event_type: str
    """As on the wire."""
    event_id: str
    """Of any case. Deterministic values are not bound to it."""
    pointer: str
    """A JSON Pointer (RFC 6901) from the event's payload to the value: `/lines/2/note`."""
    schema: str
    """The pointer with `*` for each index of a list and key of a map, to which deterministic values are bound: `/lines/*/note`."""


def derive(secret: bytes, key_id: UUID, purpose: bytes, size: int = 32) -> bytes:
    """What a data key's secret is used as for a purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=size, salt=key_id.bytes, info=purpose).derive(secret)


def counted(text: bytes) -> bytes:
    """A text behind its length, so that what follows can't be taken for a part of it."""
    return len(text).to_bytes(4, "big") + text


class DataKey:
    """A data key: it seals values, and opens what it sealed. Its secret is in no repr."""

    __slots__ = ("_gcm", "_sealed", "_siv", "id")

    def __init__(self, key_id: UUID, secret: bytes) -> None:
        if len(secret) != SECRET_SIZE:
            raise ValueError(f"key {key_id}: its secret is of {len(secret)} bytes, not {SECRET_SIZE}")
        self.id = key_id
        self._gcm = AESGCM(derive(secret, key_id, b"trestle aes-256-gcm"))
        self._siv = AESSIV(derive(secret, key_id, b"trestle aes-siv", 64))
        self._sealed = 0

    def __repr__(self) -> str:
        return f"DataKey({self.id})"

    @property
    def is_spent(self) -> bool:
        """Whether the key has sealed as much as it may in this process; it still opens."""
        return self._sealed >= _MOST_SEALED

    def seal(self, place: tuple[str, str, str, str], form: int, value: bytes, deterministic: bool) -> str:
        """The value, sealed to its place, as text."""
        mode = _DETERMINISTIC if deterministic else _RANDOM
        header = bytes((_VERSION, form << 4 | mode)) + self.id.bytes
        bound = _bound(header, place, mode)
        if deterministic:
            raw = header + self._siv.encrypt(value, [bound])
        else:
            self._sealed += 1
            nonce = os.urandom(NONCE_SIZE)
            raw = header + nonce + self._gcm.encrypt(nonce, value, bound)
        return _PREFIX + urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")

    def open(self, place: tuple[str, str, str, str], raw: bytes) -> bytes | None:
        """The value that was sealed, of all that stands behind the prefix. None: it is not what this key sealed to that place."""
        mode = raw[1] & 0xF
        bound = _bound(raw[:_HEADER_SIZE], place, mode)
        sealed = raw[_HEADER_SIZE:]
        try:
            if mode == _DETERMINISTIC:
                return self._siv.decrypt(sealed, [bound])
            return self._gcm.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], bound)
        except InvalidTag:
            return None


def _bound(header: bytes, place: tuple[str, str, str, str], mode: int) -> bytes:
    """What a value is authenticated with: how it is sealed, and the place."""
    event_type, event_id, pointer, schema = place
    bound = _PLACE_VERSION + header + counted(event_type.encode())
    if mode == _DETERMINISTIC:
        return bound + counted(schema.encode())
    return bound + counted(pointer.encode()) + counted(event_id.encode().lower())
