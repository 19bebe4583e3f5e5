"""Rules that pydantic has no constraint for, and defaults that Python has no literal of. Each function but default makes a
validator for `Annotated`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from math import copysign, fmod, isfinite
from types import MappingProxyType
from typing import Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from . import text
from .errors import of_secret
from .model import PARTIAL, is_partial
from .types import UNREAD, is_zero

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRIMMED_UUID = re.compile(r"[0-9a-fA-F]{32}")


def _check(holds: Callable[[Any], bool], message: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


def default(json_text: str) -> Any:
    """What a JSON text says, its numbers as in events that are read."""
    return text.loads(json_text)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def equal(wanted: Any) -> AfterValidator:
    """The value is this one."""
    return _check(lambda v: bool(_plain(v) == wanted), f"must equal {wanted!r}")


def one_of(*values: Any) -> AfterValidator:
    """The value is in the list."""
    return _check(lambda v: _plain(v) in values, f"must be in list {list(values)}")


def none_of(*values: Any) -> AfterValidator:
    """The value is not in the list."""
    return _check(lambda v: _plain(v) not in values, f"must not be in list {list(values)}")


def outside(holds: Callable[[Any], bool], message: str) -> AfterValidator:
    """The number is on either side of a gap."""
    return _check(holds, message)


def multiple_of(n: float) -> AfterValidator:
    """The number is a multiple, exactly."""
    return _check(lambda v: fmod(v, n) == 0, f"must be a multiple of {n}")


def finite() -> AfterValidator:
    """The number is one: neither infinite nor NaN."""
    return _check(isfinite, "must be finite")


def matches(pattern: str) -> AfterValidator:
    """The expression is found in the text."""
    compiled = re.compile(pattern)
    return _check(lambda v: compiled.search(v) is not None, "must match the pattern")


def byte_length(low: int = 0, high: int | None = None) -> AfterValidator:
    """The text has so many bytes in UTF-8."""
    words = f"must be at least {low} bytes" if high is None else f"must be from {low} to {high} bytes"
    return _check(lambda v: low <= len(v.encode()) and (high is None or len(v.encode()) <= high), words)


def prefix(part: str | bytes) -> AfterValidator:
    """The value begins so."""
    return _check(lambda v: bool(v.startswith(part)), f"does not have prefix {part!r}")


def suffix(part: str | bytes) -> AfterValidator:
    """The value ends so."""
    return _check(lambda v: bool(v.endswith(part)), f"does not have suffix {part!r}")


def contains(part: str | bytes) -> AfterValidator:
    """The value has this part."""
    return _check(lambda v: part in v, f"does not contain {part!r}")


def lacks(part: str | bytes) -> AfterValidator:
    """The value does not have this part."""
    return _check(lambda v: part not in v, f"contains {part!r}")


def uuid() -> AfterValidator:
    """The text is a UUID in its canonical form."""
    return _check(lambda v: _UUID.fullmatch(v) is not None, "must be a valid UUID")


def trimmed_uuid() -> AfterValidator:
    """The text is a UUID without its dashes."""
    return _check(lambda v: _TRIMMED_UUID.fullmatch(v) is not None, "must be a valid trimmed UUID")


def unique() -> AfterValidator:
    """No item occurs twice."""
    return _check(lambda v: is_partial(v) or len({_key(item) for item in v}) == len(v), "must not contain an item twice")


def _key(item: Any) -> Any:
    """What is equal of equal values of JSON: true is not 1, and members have no order."""
    if isinstance(item, Mapping):
        return frozenset((name, _key(member)) for name, member in item.items())
    if isinstance(item, list):
        return tuple(_key(member) for member in item)
    return (bool, item) if isinstance(item, bool) else item


def _secret(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if value is UNREAD:
        return None
    try:
        return handler(value)
    except ValidationError as e:
        raise of_secret(e) from None


SECRET = WrapValidator(_secret)
"""What is wrong with the value is told without it. One that can't be read is None."""


def unless_zero(zero: Any, signed: bool = False) -> WrapValidator:
    """The rules before this one do not hold for the zero value, which minus zero is not where the sign counts."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if signed and copysign(1, value) < 0:
            return handler(value)
        if isinstance(value, bool) == isinstance(zero, bool) and value == zero:
            return type(zero)(zero)
        return handler(value)

    return WrapValidator(check)


def unruled(kind: Callable[[], type[BaseModel]]) -> WrapValidator:
    """The rules of the message do not hold: it is read by a class that has none."""

    def check(value: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        reader = type(value) if isinstance(value, BaseModel) else kind()
        return reader.model_validate(value, context=info.context)

    return WrapValidator(check)


def at_most_one(
    values: Mapping[str, Any], names: Sequence[str], required: bool, zeroed: Mapping[str, object] = MappingProxyType({})
) -> None:
    """One of these fields is set at most, and one must be if that is required. Those that are zeroed are not set where they
    are zero."""
    if PARTIAL in values:
        return
    count = sum(
        1 for name in names if values[name] is not None and not (name in zeroed and is_zero(values[name], zeroed[name]))
    )
    if count > 1:
        raise ValueError(f"only one of {', '.join(names)} can be set")
    if required and count == 0:
        raise ValueError(f"one of {', '.join(names)} must be set")
