"""What follows from the secret of a class's data key: it wraps the keys of persons, and stands for them by tags."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from hmac import HMAC
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import KeyUnavailableError
from .cipher import NONCE_SIZE, DataKey, derive
from .entry import context_of

_UUID_TEXT: Final = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Secrets:
    """What follows from the secret of a class's data key."""

    __slots__ = ("_persons", "_tags", "key")

    def __init__(self, key_id: UUID, secret: bytes) -> None:
        self.key = DataKey(key_id, secret)
        self._persons = AESGCM(derive(secret, key_id, b"trestle person keys"))
        self._tags = derive(secret, key_id, b"trestle persons")

    def tag(self, subject: str) -> bytes:
        """What stands for a person: without the secret nobody can tell for whom, nor try."""
        if _UUID_TEXT.fullmatch(subject):
            subject = subject.lower()  # the same person in capitals
        return HMAC(self._tags, subject.encode(), sha256).digest()

    def wrap(self, key_class: str, key_id: UUID, secret: bytes) -> bytes:
        nonce = os.urandom(NONCE_SIZE)
        return nonce + self._persons.encrypt(nonce, secret, context_of(key_class, key_id))

    def unwrap(self, key_class: str, key_id: UUID, wrapped: bytes) -> DataKey:
        secret = b""
        try:
            secret = self._persons.decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], context_of(key_class, key_id))
        except InvalidTag:
            pass
        if not secret:
            raise KeyUnavailableError("broken", key_class, key_id)
        return DataKey(key_id, secret)
