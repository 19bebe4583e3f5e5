"""JSON as the other side of the wire reads and writes it: compact, exact in its numbers, and no more than JSON."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from json.encoder import encode_basestring
from math import isfinite
from typing import Any
from uuid import UUID

from .errors import NotJSONError
from .times import format_time

MAX_DEPTH = 512
"""How deeply free-form values may be nested."""

_MAX_INT_DIGITS = 4000  # Python refuses to turn longer texts into an int
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Repeated(dict[str, Any]):
    """An object that had a name more than once; the last value stands."""

    names: frozenset[str] = frozenset()


def loads(data: bytes | bytearray | memoryview | str) -> Any:
    """Reads a JSON text.

    Integers become int. Other numbers become float where that is the same number, and Decimal where a float would
    change it: 0.1234567890123456789, 1e400. NaN, Infinity and lone surrogates are errors.
    """
    try:
        text = data if isinstance(data, str) else bytes(data).decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_int=_integer, parse_constant=_constant
        )
        if isinstance(data, str) or _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except RecursionError:
        raise NotJSONError("values are nested too deeply") from None
    except NotJSONError:
        raise
    except (ValueError, InvalidOperation) as e:
        raise NotJSONError(f"not JSON: {e}") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    twice: set[str] = set()
    for name, _ in pairs:
        (twice if name in seen else seen).add(name)
    for name, lost in pairs:  # it must be JSON too
        if not depth_within(lost, MAX_DEPTH):
            raise NotJSONError("values are nested too deeply")
        json.dumps([name, lost], ensure_ascii=False, default=str).encode("utf-8")
    repeated = Repeated(value)
    repeated.names = frozenset(twice)
    return repeated


def _number(text: str) -> float | Decimal:
    value = float(text)
    exact = Decimal(text)
    if isfinite(value) and Decimal(repr(value)) == exact:
        return value
    return exact


def _integer(text: str) -> int | float | Decimal:
    if text == "-0":
        return -0.0
    return int(text) if len(text) <= _MAX_INT_DIGITS else Decimal(text)


def _constant(name: str) -> Any:
    raise NotJSONError(f"not JSON: {name} has no JSON form")


def depth_within(value: Any, limit: int) -> bool:
    """Says whether objects and arrays are nested no deeper than limit."""
    level = [value]
    for _ in range(limit + 1):
        inner: list[Any] = []
        for v in level:
            if isinstance(v, dict):
                inner.extend(v.values())
            elif isinstance(v, list):
                inner.extend(v)
        if not any(isinstance(v, dict | list) for v in level):
            return True
        level = inner
    return False


def dumps(value: Any) -> str:
    """Writes a value of JSON's types, or of an event's: models write themselves."""
    out: list[str] = []
    append(out, value)
    return "".join(out)


class Quoted(int):
    """An integer that is written as a string, as protobuf's JSON has those of 64 bits in its wrappers."""


NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
"""The floats that are no numbers, as protobuf's JSON names them in its wrappers."""


class Named(float):
    """A float as protobuf's JSON writes it in its wrappers: without a fraction of zero, and by its name where it is no number."""

    def text(self) -> str:
        """The JSON text of it."""
        digits = float.__repr__(self)
        if not isfinite(self):
            return next(f'"{name}"' for name in NO_NUMBERS if float.__repr__(float(name)) == digits)
        if not self or 1e-6 <= abs(self) < 1e21:
            plain = format(Decimal(digits), "f")
            return plain.rstrip("0").rstrip(".") if "." in plain else plain
        return digits.replace("e-0", "e-")


class Written(str):
    """A text that is JSON already."""


def append(out: list[str], value: Any) -> None:
    """Appends the text of a value; a TypeError or ValueError says that it has no JSON form."""
    rest = [value]  # a stack of its own, so that depth is not limited by Python's
    while rest:
        value = rest.pop()
        if isinstance(value, Written):
            out.append(value)
        elif isinstance(value, Mapping):
            rest.extend(reversed(_object_parts(value)))
        elif isinstance(value, list | tuple):
            rest.extend(reversed(_array_parts(value)))
        else:
            _append_scalar(out, value)


def _object_parts(value: Mapping[Any, Any]) -> list[Any]:
    parts: list[Any] = []
    separator = "{"
    for name, member in value.items():
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str):
            raise TypeError(f"a member's name must be a string, not {type(name).__name__}")
        parts.append(Written(f"{separator}{encode_basestring(name)}:"))
        parts.append(member)
        separator = ","
    parts.append(Written("}" if parts else "{}"))
    return parts


def _array_parts(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    parts: list[Any] = []
    separator = Written("[")
    for item in value:
        parts.append(separator)
        parts.append(item)
        separator = Written(",")
    parts.append(Written("]" if parts else "[]"))
    return parts


def _append_scalar(out: list[str], value: Any) -> None:
    if value is None:
        out.append("null")
    elif value is True:
        out.append("true")
    elif value is False:
        out.append("false")
    elif isinstance(value, Enum):
        append(out, value.value)
    elif isinstance(value, str):
        out.append(encode_basestring(value))
    elif isinstance(value, Quoted):
        out.append(f'"{int.__repr__(value)}"')
    elif isinstance(value, int):
        out.append(int.__repr__(value))
    elif isinstance(value, Named):
        out.append(value.text())
    elif isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value} has no JSON form")
        out.append(float.__repr__(value))
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} has no JSON form")
        out.append(str(value))
    else:
        _append_special(out, value)


def _append_special(out: list[str], value: Any) -> None:
    from .model import Model

    if isinstance(value, Model):
        value.append_json(out)
    elif isinstance(value, datetime):
        out.append(f'"{format_time(value)}"')
    elif isinstance(value, UUID):
        out.append(f'"{value}"')
    elif isinstance(value, bytes):
        out.append(f'"{b64encode(value).decode()}"')
    else:
        raise TypeError(f"a {type(value).__name__} has no JSON form")
