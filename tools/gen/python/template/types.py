"""The types of fields. Each reads what stands in JSON, and takes the Python value as it is.

The functions are for `Annotated[int, Field(ge=1), INT64]`: they read a value, then its constraints are checked.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from math import copysign, isfinite
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, StrictBool, StrictStr, ValidatorFunctionWrapHandler, WrapValidator

from .text import MAX_DEPTH, Repeated, depth_within
from .times import in_utc, parse_time

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_STANDARD = re.compile(r"[A-Za-z0-9+/]*")
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*")


class _Null:
    """A null of JSON where the schema lists none."""

    def __repr__(self) -> str:
        return "null"


NULL = _Null()
"""Stands for such a null. No type takes it."""


class _Unread:
    """A value that can't be read."""

    def __repr__(self) -> str:
        return "(unavailable)"


UNREAD = _Unread()
"""Stands in JSON for a value that is encrypted with a key which is not to be had. A sensitive field is None then."""


def is_zero(value: Any, zero: object) -> bool:
    """Says whether a value is zero, as it is given or as it was read."""
    if isinstance(zero, bytes):
        return value in ("", b"")
    if isinstance(zero, float):
        if isinstance(value, Decimal):  # which may be too near to zero for a float
            value = float(value)
        if isinstance(value, float) and copysign(1, value) < 0:  # minus zero is a value in protobuf
            return False
    return isinstance(value, bool) == isinstance(zero, bool) and bool(value == zero)


def _integer(low: int, high: int, words: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValueError("must be an integer")
        if not isinstance(value, int):
            if not isfinite(value) or isinstance(value, Decimal) and value != 0 and value.adjusted() > 20:
                raise ValueError(f"must be {words}")
            if value != int(value):
                raise ValueError("must be an integer")
        whole = int(value)
        if not low <= whole <= high:
            raise ValueError(f"must be {words}")
        return whole

    return read


def _float(bits: int) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValueError("must be a number")
        try:
            result = float(value)
            if bits == 32 and isfinite(result):
                result = _shortest(struct.unpack("f", struct.pack("f", result))[0])
        except OverflowError:
            result = float("inf")
        if not isfinite(result):
            raise ValueError("must be a number in the range of a " + ("double" if bits == 64 else "float"))
        return result

    return read


def _shortest(single: float) -> float:
    """The double with the fewest digits that is this float of 32 bits."""
    for digits in range(1, 9):
        candidate = float(f"{single:.{digits}g}")
        try:
            if struct.unpack("f", struct.pack("f", candidate))[0] == single:
                return candidate
        except OverflowError:
            continue  # rounded up beyond the largest
    return float(f"{single:.9g}")


def read_uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        raise ValueError("must be a valid UUID")
    return UUID(value)


def _read_time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return in_utc(value)
    if not isinstance(value, str):
        raise ValueError("must be a string with a time")
    return parse_time(value)


def _read_bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if not isinstance(value, str):
        raise ValueError("must be bytes, or a string in base64")
    text = value.rstrip("=").replace("\r", "").replace("\n", "")
    alphabet = _URL_SAFE if "-" in text or "_" in text else _STANDARD
    if alphabet.fullmatch(text) is None or len(text) % 4 == 1:
        raise ValueError("must be base64")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("must be base64") from None


def _key(low: int, high: int) -> Callable[[Any], int]:
    read = _integer(low, high, "an integer")

    def read_key(value: Any) -> int:
        if isinstance(value, str):
            if _INTEGER.fullmatch(value) is None or len(value) > 40:
                raise ValueError("must be a key that is an integer")
            value = int(value)
        return read(value)

    return read_key


def _read_object(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")
    return _read_value(value)


def _read_value(value: Any) -> Any:
    if value is NULL:
        raise ValueError("must not be null")
    if not depth_within(value, MAX_DEPTH):
        raise ValueError("values are nested too deeply")
    return value


def _by_key(value: Any, handler: ValidatorFunctionWrapHandler) -> dict[Any, Any]:
    entries = handler(value)
    if isinstance(value, Repeated) or isinstance(value, Mapping) and len(entries) < len(value):
        raise ValueError("a key is there more than once")
    return dict(sorted(entries.items()))


INT32 = BeforeValidator(_integer(-(2**31), 2**31 - 1, "a 32-bit integer"))
INT64 = BeforeValidator(_integer(-(2**63), 2**63 - 1, "a 64-bit integer"))
UINT32 = BeforeValidator(_integer(0, 2**32 - 1, "an unsigned 32-bit integer"))
UINT64 = BeforeValidator(_integer(0, 2**64 - 1, "an unsigned 64-bit integer"))
FLOAT = BeforeValidator(_float(32))
DOUBLE = BeforeValidator(_float(64))
BYTES = BeforeValidator(_read_bytes)
KEY_INT32 = BeforeValidator(_key(-(2**31), 2**31 - 1))
KEY_INT64 = BeforeValidator(_key(-(2**63), 2**63 - 1))
KEY_UINT32 = BeforeValidator(_key(0, 2**32 - 1))
KEY_UINT64 = BeforeValidator(_key(0, 2**64 - 1))
SORTED = WrapValidator(_by_key)

Int32 = Annotated[int, INT32]
Int64 = Annotated[int, INT64]
UInt32 = Annotated[int, UINT32]
UInt64 = Annotated[int, UINT64]
Float = Annotated[float, FLOAT]
Double = Annotated[float, DOUBLE]
Bytes = Annotated[bytes, BYTES]
Bool = StrictBool
Text = StrictStr
Uuid = Annotated[UUID, BeforeValidator(read_uuid)]
Timestamp = Annotated[datetime, BeforeValidator(_read_time)]
"""A time in UTC; one without a zone is taken as UTC."""
JsonObject = Annotated[dict[StrictStr, Any], BeforeValidator(_read_object)]
"""A free-form object. Its numbers stay what they are: int, float, or Decimal where a float would change the number."""
JsonValue = Annotated[Any, BeforeValidator(_read_value)]
"""Any JSON value, its numbers as in JsonObject."""
