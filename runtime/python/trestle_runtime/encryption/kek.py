"""KEKs, key encryption keys: what wraps data keys. They stand in a file, in an environment variable, or behind a program that asks
a KMS."""

from __future__ import annotations

import binascii
import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import DeniedError, KEKDestroyedError, KEKRefusal, NotWrappedError, UnknownKEKError
from .cipher import NONCE_SIZE

_KEY_SIZE = 32
_LONGEST_NAME = 40  # one that is longer is rather a key
_LARGEST_FILE = 1 << 20
_LARGEST_ANSWER = 1 << 20
_REFUSALS = {e.reason: e for e in (DeniedError, UnknownKEKError, KEKDestroyedError, NotWrappedError)}


class KEK(Protocol):
    """It wraps data keys with keys of its own. It may be asked by several threads at once.

    A KEKRefusal is its answer; any other error says that there was none, and it is asked again.
    """

    def wrap(self, secret: bytes, context: bytes) -> tuple[str, bytes]:
        """The name of the key that the secret is wrapped with now, and the wrapped secret. The context is authenticated."""

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        """The secret that was wrapped in that context with the key of that name."""


class KEKError(ValueError):
    """Keys of a KEK that can't be read. It never shows what may be a key."""


class _Keys:
    """The keys of a text."""

    def __init__(self, keys: Mapping[str, AESGCM], where: str) -> None:
        self._keys, self._where = keys, where

    def wrap(self, secret: bytes, context: bytes) -> tuple[str, bytes]:
        name = next(reversed(list(self._keys)))
        nonce = os.urandom(NONCE_SIZE)
        return name, nonce + self._keys[name].encrypt(nonce, secret, context)

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        key = self._keys.get(name)
        if key is None:
            raise UnknownKEKError(f"{self._where}: there is no key of the name {name}")
        if len(wrapped) >= NONCE_SIZE:
            try:
                return key.decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], context)
            except InvalidTag:
                pass
        raise NotWrappedError(f"{self._where}: it was changed, or wrapped with another key of that name")


def _parse(text: str, where: str, line_of: str) -> _Keys:
    """Reads a key a line: its name, a blank, and 32 bytes in base64. The last one wraps."""
    keys: dict[str, AESGCM] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        at = line_of.format(number)
        if len(words) != 2:
            raise KEKError(
                f"{at}: a key is a name and 32 bytes in base64 with a blank between, got words: {len(words)}"
            )
        name = words[0]
        if len(name.encode()) > _LONGEST_NAME:
            raise KEKError(f"{at}: the name of a key has at most {_LONGEST_NAME} bytes: does the name stand first?")
        key = _decoded(words[1])
        if key is None:
            raise KEKError(f"{at}: what follows the name is not base64")
        if len(key) != _KEY_SIZE:
            raise KEKError(f"{at}: the key is of {len(key)} bytes, not {_KEY_SIZE}")
        if name in keys:
            raise KEKError(f"{at}: there is a key {name} before it")
        keys[name] = AESGCM(key)
    if not keys:
        raise KEKError(f"{where}: there is no key")
    return _Keys(keys, where)


def _decoded(text: str) -> bytes | None:
    try:
        key = b64decode(text.encode("ascii", "replace"), validate=True)
    except binascii.Error:
        return None
    return key if b64encode(key).decode() == text else None


class FileKEK:
    """A KEK whose keys stand in a file, a key a line: its name, a blank, and 32 bytes in base64. The last one wraps, all unwrap; lines
    that begin with # are comments. It is read whenever it is used, so that it may change at any time.

    Whoever can read the file can read what is encrypted, so that others than its owner and its group may not, and nobody but its
    owner may write it, or it is refused. On Windows rights are not looked at.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"FileKEK({str(self._path)!r})"

    def wrap(self, secret: bytes, context: bytes) -> tuple[str, bytes]:
        return self._read().wrap(secret, context)

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        return self._read().unwrap(name, wrapped, context)

    def _read(self) -> _Keys:
        with self._path.open("rb") as file:
            rights = os.fstat(file.fileno()).st_mode & 0o777
            if rights & 0o027 and sys.platform != "win32":
                raise KEKError(
                    f"{self._path}: its rights are {rights:#o}, by which others than its owner can read or change keys: chmod 600"
                )
            raw = file.read(_LARGEST_FILE + 1)
        if len(raw) > _LARGEST_FILE:
            raise KEKError(f"{self._path}: it is larger than 1 MiB: is it another file?")
        return _parse(
            raw.decode("utf-8", "replace"),
            str(self._path),
            str(self._path).replace("{", "{{").replace("}", "}}") + ":{}",
        )


class EnvKEK:
    """A KEK whose keys stand in an environment variable, as in a file, with a line's end or ; between them. It is read whenever it is
    used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"EnvKEK({self._name!r})"

    def wrap(self, secret: bytes, context: bytes) -> tuple[str, bytes]:
        return self._read().wrap(secret, context)

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        return self._read().unwrap(name, wrapped, context)

    def _read(self) -> _Keys:
        text = os.environ.get(self._name)
        where = f"environment variable {self._name}"
        if text is None:
            raise KEKError(f"{where}, of a KEK, is not set")
        return _parse(text.replace(";", "\n"), where, where + ", line {}")


class CommandKEK:
    """A KEK behind a program, which asks a KMS, say: it is run for each secret, without a shell, gets the request as a line of JSON on
    its standard input, and answers with one on its standard output. docs/formats.md describes both."""

    def __init__(self, program: str, *arguments: str, timeout: float = 30.0) -> None:
        """Arguments are seen by all on the machine: secrets have no place there."""
        self._command: Sequence[str] = (program, *arguments)
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"CommandKEK({self._command[0]!r})"

    def wrap(self, secret: bytes, context: bytes) -> tuple[str, bytes]:
        answer = self._ask({"op": "wrap", "name": "", "data": _encoded(secret), "context": _encoded(context)})
        name, wrapped = answer.get("name"), answer.get("data")
        if not isinstance(name, str) or not name:
            raise RuntimeError(f"command {self._command[0]}: its answer has no name")
        return name, self._data(wrapped)

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        request = {"op": "unwrap", "name": name, "data": _encoded(wrapped), "context": _encoded(context)}
        return self._data(self._ask(request).get("data"))

    def _data(self, text: Any) -> bytes:
        data = _decoded(text) if isinstance(text, str) else None
        if not data:
            raise RuntimeError(f"command {self._command[0]}: its answer has no data")
        return data

    def _ask(self, request: Mapping[str, str]) -> Mapping[str, Any]:
        line = json.dumps(request).encode() + b"\n"
        said = b""
        try:
            done = subprocess.run(self._command, input=line, capture_output=True, timeout=self._timeout, check=False)
            out, said, wrong = done.stdout, done.stderr, f"it ended with {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:  # which has what it wrote
            out, wrong = b"", f"it did not answer within {self._timeout} s"
        except OSError as e:
            out, wrong = b"", str(e)
        answer: Any = None
        if len(out) <= _LARGEST_ANSWER:
            try:
                answer = json.loads(out)
            except (ValueError, RecursionError):
                pass
        if isinstance(answer, dict):
            self._refuse(answer)
        elif not wrong:
            wrong = "its answer is not a line of JSON"  # of which nothing is shown: there may be a secret in it
        if wrong:
            shown = " ".join(said[:4096].decode("utf-8", "replace").split())
            raise RuntimeError(f"command {self._command[0]}: {wrong}" + (f": {shown}" if shown else ""))
        return answer  # type: ignore[no-any-return]

    def _refuse(self, answer: Mapping[str, Any]) -> None:
        error, reason = answer.get("error"), answer.get("reason")
        if answer.get("denied"):
            reason = DeniedError.reason
        if not error and not reason:
            return
        said = f"command {self._command[0]}: {error or reason}"
        refusal: type[KEKRefusal] | None = _REFUSALS.get(reason) if isinstance(reason, str) else None
        raise (refusal or RuntimeError)(said)


def _encoded(data: bytes) -> str:
    return b64encode(data).decode("ascii")
