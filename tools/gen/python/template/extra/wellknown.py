"""Rules of protovalidate that pydantic has no constraint for, as they are checked in Go: well-known texts and bytes,
durations, times, and protobuf's own messages. Each function makes a validator for `Annotated`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from math import isfinite, isnan
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictStr, TypeAdapter, ValidationError

from . import text as json_text
from .formats import hostname, uri, uri_reference
from .times import now, parse_time
from .types import DOUBLE, FLOAT, INT32, INT64, UINT32, UINT64, Bytes

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"({_OCTET})\.({_OCTET})\.({_OCTET})\.({_OCTET})")
_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_HEADER_NAME = re.compile(r":?[A-Za-z0-9!#$%&'*+\-.^_|~`]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRIMMED_UUID = re.compile(r"[0-9a-fA-F]{32}")
_DURATION = re.compile(r"([+-]?)(0|[1-9][0-9]*)?(?:\.([0-9]{0,9}))?s")
_MAX_SECONDS = 315_576_000_000


def _ipv4_bits(s: str) -> int | None:
    match = _IPV4.fullmatch(s)
    return None if match is None else int.from_bytes(bytes(map(int, match.groups())), "big")


def _ipv6_bits(s: str) -> tuple[int, bool] | None:
    """The bits of an IPv6 address without a zone, and whether its end is written as an IPv4 address."""
    head, gap, tail = s.partition("::")
    if "::" in tail or tail.startswith(":"):
        return None
    first, second = head.split(":") if head else [], tail.split(":") if tail else []
    last = second if gap else first
    dotted = bool(last) and "." in last[-1]
    groups: list[int] = []
    for part in [*first, *second]:
        if _GROUP.fullmatch(part):
            groups.append(int(part, 16))
        elif dotted and part is last[-1] and (bits := _ipv4_bits(part)) is not None:
            groups += [bits >> 16, bits & 0xFFFF]
        else:
            return None
    if len(groups) > 8 or len(groups) == 8 and gap or len(groups) < 8 and not gap:
        return None
    groups[len(first) : len(first)] = [0] * (8 - len(groups))
    value = 0
    for group in groups:
        value = value << 16 | group
    return value, dotted


def ipv4(s: str) -> bool:
    """An IPv4 address."""
    return _ipv4_bits(s) is not None


def ipv6(s: str) -> bool:
    """An IPv6 address, also with a zone."""
    address, zoned, zone = s.partition("%")
    bits = _ipv6_bits(_before(address) if zoned else address)
    return bits is not None and (not zoned or zone != "" and not bits[1])


def _before(address: str) -> str:
    """The address before a zone or the length of a prefix: protovalidate passes over a colon there."""
    after_group = address.endswith(":") and not address.endswith("::") and "." not in address
    return address[:-1] if after_group else address


def ip(s: str) -> bool:
    """An IP address of either version."""
    return ipv4(s) or ipv6(s)


def _length(s: str, most: int) -> int | None:
    return int(s) if _PORT.fullmatch(s) and int(s) <= most else None


def _prefix4(s: str) -> tuple[int, int] | None:
    address, _, size = s.partition("/")
    bits, length = _ipv4_bits(address), _length(size, 32)
    return None if bits is None or length is None else (bits, length)


def _prefix6(s: str) -> tuple[int, int] | None:
    address, _, size = s.partition("/")
    bits, length = _ipv6_bits(_before(address)), _length(size, 128)
    return None if bits is None or length is None else (bits[0], length)


def _is_prefix(found: tuple[int, int] | None, size: int) -> bool:
    return found is not None and found[0] & ((1 << (size - found[1])) - 1) == 0


def host_and_port(s: str) -> bool:
    """A host and a port: `example.org:80`, `[::1]:80`."""
    host, colon, port = s.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
        return False
    if host.startswith("["):
        return host.endswith("]") and ipv6(host[1:-1])
    return hostname(host) or ipv4(host)


def uri_ref(s: str) -> bool:
    """A reference of RFC 3986. A part behind ? or # may be one of its own, as protovalidate has it."""
    return uri_reference(s) or _rest_is_reference(s)


def _rest_is_reference(s: str) -> bool:
    scheme, colon, rest = s.partition(":")
    end = next((i for i, c in enumerate(rest) if c in "?#"), -1)
    if not colon or not _SCHEME.fullmatch(scheme) or end < 0 or not uri(f"{scheme}:{rest[:end]}"):
        return False
    query = rest[end + 1 :].partition("#")[0]
    if rest[end] == "?" and not uri(f"a:?{query}"):
        return _relative(rest[end + 1 :])
    _, hash_, fragment = rest.partition("#")
    return bool(hash_) and _relative(fragment)


def _relative(s: str) -> bool:
    """A reference without a scheme."""
    return uri_reference(s) and (not uri(s) or ":" not in s.partition("#")[0].partition("?")[0].partition("/")[0])


def _loose_header(s: str) -> bool:
    return not set(s) & {"\0", "\n", "\r"}


_TEXTS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "email": ("a valid email address", lambda s: _EMAIL.fullmatch(s) is not None),
    "hostname": ("a valid hostname", hostname),
    "ip": ("a valid IP address", ip),
    "ipv4": ("a valid IPv4 address", ipv4),
    "ipv6": ("a valid IPv6 address", ipv6),
    "uri": ("a valid URI", uri),
    "uri_ref": ("a valid URI Reference", uri_ref),
    "address": ("a valid hostname, or ip address", lambda s: hostname(s) or ip(s)),
    "uuid": ("a valid UUID", lambda s: _UUID.fullmatch(s) is not None),
    "tuuid": ("a valid trimmed UUID", lambda s: _TRIMMED_UUID.fullmatch(s) is not None),
    "ulid": ("a valid ULID", lambda s: _ULID.fullmatch(s) is not None),
    "ip_with_prefixlen": ("a valid IP prefix", lambda s: _prefix4(s) is not None or _prefix6(s) is not None),
    "ipv4_with_prefixlen": ("a valid IPv4 address with prefix length", lambda s: _prefix4(s) is not None),
    "ipv6_with_prefixlen": ("a valid IPv6 address with prefix length", lambda s: _prefix6(s) is not None),
    "ip_prefix": ("a valid IP prefix", lambda s: _is_prefix(_prefix4(s), 32) or _is_prefix(_prefix6(s), 128)),
    "ipv4_prefix": ("a valid IPv4 prefix", lambda s: _is_prefix(_prefix4(s), 32)),
    "ipv6_prefix": ("a valid IPv6 prefix", lambda s: _is_prefix(_prefix6(s), 128)),
    "protobuf_fqn": ("a valid fully-qualified Protobuf name", lambda s: _NAME.fullmatch(s) is not None),
    "protobuf_dot_fqn": (
        "a valid fully-qualified Protobuf name with a leading dot",
        lambda s: s[:1] == "." and _NAME.fullmatch(s[1:]) is not None,
    ),
    "host_and_port": ("a valid host (hostname or IP address) and port pair", host_and_port),
    "header_name": ("a valid HTTP header name", lambda s: _HEADER_NAME.fullmatch(s) is not None),
    "header_value": ("a valid HTTP header value", lambda s: _HEADER_VALUE.fullmatch(s) is not None),
    "loose_header_name": ("a valid HTTP header name", lambda s: s != "" and _loose_header(s)),
    "loose_header_value": ("a valid HTTP header value", _loose_header),
}
CHECKS: dict[str, Callable[[str], bool]] = {name: holds for name, (_, holds) in _TEXTS.items()}


def _check(holds: Callable[[Any], bool], message: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


def text(name: str) -> AfterValidator:
    """The text is of a well-known form."""
    words, holds = _TEXTS[name]
    return _check(holds, f"must be {words}")


_SIZES = {"ip": (4, 16), "ipv4": (4,), "ipv6": (16,), "uuid": (16,)}


def data(name: str) -> AfterValidator:
    """The bytes are those of an address or a UUID."""
    return _check(lambda v: len(v) in _SIZES[name], f"must be the bytes of a valid {name}")


def matches(pattern: str) -> AfterValidator:
    """The bytes are UTF-8 in which the pattern is found."""
    adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(pattern=pattern)])

    def holds(value: bytes) -> bool:
        try:
            adapter.validate_python(value.decode())
        except (UnicodeDecodeError, ValidationError):
            return False
        return True

    return _check(holds, f"must match the pattern {pattern!r}")


def _nanos(s: str) -> int | None:
    match = _DURATION.fullmatch(s)
    if match is None or len(s) < 2 or (match[2] is None and match[3] is None) or len(match[2] or "") > 19:
        return None
    nanos = int(match[2] or 0) * 10**9 + int((match[3] or "").ljust(9, "0"))
    if nanos // 10**9 > _MAX_SECONDS:
        return None
    return -nanos if match[1] == "-" else nanos


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        nanos: int | None = value // timedelta(microseconds=1) * 1000
    else:
        nanos = _nanos(value) if isinstance(value, str) else None
    if nanos is None:
        raise ValueError('must be a duration in seconds, such as "1.5s"')
    whole, part = divmod(abs(nanos), 10**9)
    return f"{'-' if nanos < 0 else ''}{whole}{_thousandths(f'{part:09d}')}s"


Duration = Annotated[str, BeforeValidator(_duration)]
"""A duration as protobuf's JSON has it: "1.5s". A timedelta is taken too."""


def duration(holds: Callable[[int], bool], message: str) -> AfterValidator:
    """What holds of a duration in nanoseconds."""
    return _check(lambda v: holds(_nanos(v) or 0), message)


def time(holds: Callable[[int, int], bool], message: str) -> AfterValidator:
    """What holds of a time and the present, each in nanoseconds since 1970."""
    return _check(lambda v: holds(_since_1970(v), _since_1970(now())), message)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _since_1970(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def _wrapped(reader: BeforeValidator) -> BeforeValidator:
    read: Any = reader.func

    def read_wrapped(value: Any) -> Any:
        if isinstance(value, str):
            if len(value) > 400 or not _NUMBER.fullmatch(value):
                raise ValueError("must be a number, or a string with one")
            value = Decimal(value)
        return read(value)

    return BeforeValidator(read_wrapped)


def _wrapped_float(reader: BeforeValidator) -> BeforeValidator:
    read: Any = _wrapped(reader).func

    def read_wrapped(value: Any) -> Any:
        if isinstance(value, str) and value in json_text.NO_NUMBERS:
            return float(value)
        return value if isinstance(value, float) and not isfinite(value) else read(value)

    return BeforeValidator(read_wrapped)


WRAPPED_INT32 = _wrapped(INT32)
WRAPPED_INT64 = _wrapped(INT64)
WRAPPED_UINT32 = _wrapped(UINT32)
WRAPPED_UINT64 = _wrapped(UINT64)
WRAPPED_FLOAT = _wrapped_float(FLOAT)
WRAPPED_DOUBLE = _wrapped_float(DOUBLE)
QUOTED = AfterValidator(json_text.Quoted)
"""Integers of 64 bits in a wrapper are strings in protobuf's JSON."""
NAMED = AfterValidator(json_text.Named)
"""So are floats in a wrapper that are no numbers; the others have no fraction of zero."""


def _snake(path: str) -> str:
    return "".join(f"_{c.lower()}" if "A" <= c <= "Z" else c for c in path)


def _mask(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a string with the names of fields")
    value = value.strip(" \t\n\r")
    if value and any("_" in path or not _NAME.fullmatch(_snake(path)) for path in value.split(",")):
        raise ValueError("must be names of fields in camel case, with commas between them")
    return value


FieldMask = Annotated[str, BeforeValidator(_mask)]
"""The names of fields as protobuf's JSON has them: "userName,address.city"."""


def _paths(value: str) -> list[str]:
    return [_snake(path) for path in value.split(",")] if value else []


def mask_equal(*paths: str) -> AfterValidator:
    """The mask has these paths, in this order."""
    return _check(lambda v: _paths(v) == list(paths), f"must equal paths {list(paths)}")


def mask_in(*roots: str) -> AfterValidator:
    """The mask has no path outside of these."""
    return _check(lambda v: all(_below(p, roots) for p in _paths(v)), f"must only contain paths in {list(roots)}")


def mask_not_in(*roots: str) -> AfterValidator:
    """The mask has no path inside of these."""
    return _check(lambda v: not any(_below(p, roots) for p in _paths(v)), f"must not contain any paths in {list(roots)}")


def _below(path: str, roots: Sequence[str]) -> bool:
    return any(path == root or path.startswith(root + ".") for root in roots)


def any_in(*urls: str) -> AfterValidator:
    """The message is of one of these types."""
    return _check(lambda v: v.get("@type", "") in urls, "type URL must be in the allow list")


def any_not_in(*urls: str) -> AfterValidator:
    """The message is of none of these types."""
    return _check(lambda v: v.get("@type", "") not in urls, "type URL must not be in the block list")


def _empty(value: Any) -> Any:
    if not isinstance(value, Mapping) or value:
        raise ValueError("must be an object without members")
    return value


Empty = Annotated[dict[str, Any], BeforeValidator(_empty)]
"""An object without members."""


def _doubles(value: Any) -> Any:
    """A value as google.protobuf.Value holds it: numbers are doubles, and no object has a name twice."""
    if not json_text.depth_within(value, json_text.MAX_DEPTH):
        raise ValueError("values are nested too deeply")
    return _double(value)


def _double(value: Any) -> Any:
    if isinstance(value, json_text.Repeated):
        raise ValueError("a name is there more than once")
    if isinstance(value, Mapping):
        return {name: _double(value[name]) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return [_double(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    try:
        number = float(value)
    except (OverflowError, TypeError):
        raise ValueError("must be a number in the range of a double") from None
    if number in (float("inf"), float("-inf")) or isnan(number):
        raise ValueError("must be a number in the range of a double")
    return int(number) if number.is_integer() and abs(number) < 1e21 and (number != 0 or str(number) == "0.0") else number


def _struct(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")
    return _doubles(value)


def _list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError("must be an array")
    return _doubles(value)


Struct = Annotated[dict[str, Any], BeforeValidator(_struct)]
"""A free-form object whose numbers are doubles."""
ListValue = Annotated[list[Any], BeforeValidator(_list)]
"""A free-form array whose numbers are doubles."""
Value = Annotated[Any, BeforeValidator(_doubles)]
"""Any value, whose numbers are doubles."""


_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.([0-9]{1,9}))?(?:Z|[+-][0-9]{2}:[0-9]{2})")


def _time(value: Any) -> str:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be an RFC 3339 time")
    at = parse_time(match[0]).replace(microsecond=0, tzinfo=None)
    return at.isoformat() + _thousandths((match[1] or "").ljust(9, "0")) + "Z"


def _thousandths(nanos: str) -> str:
    """A fraction of a second as protobuf's JSON has it: of three, six or nine digits, or none."""
    for _ in range(3):
        nanos = nanos.removesuffix("000")
    return f".{nanos}" if nanos else ""


def _any(value: Any) -> Any:
    if not isinstance(value, Mapping) or value and not value.get("@type") or isinstance(value, json_text.Repeated):
        raise ValueError("must be an object whose @type names the type of the message in it")
    if not value:
        return value
    if not isinstance(value["@type"], str):
        raise ValueError("must be an object whose @type is a string")
    name = value["@type"].rpartition("/")[2]
    if name not in _IN_ANY:
        return value
    if name == "google.protobuf.Empty" and len(value) == 1:
        return value
    if set(value) != {"@type", "value"}:
        raise ValueError(f"must have one member beside @type, the value of the {name}")
    inner = _IN_ANY[name].validate_python(value["value"])
    return {"@type": value["@type"]} if name == "google.protobuf.Empty" else {"@type": value["@type"], "value": inner}


AnyMessage = Annotated[dict[str, Any], BeforeValidator(_any)]
"""A message with its type. Of what is in it, only messages that protobuf itself declares are checked."""

_IN_ANY: dict[str, TypeAdapter[Any]] = {
    f"google.protobuf.{name}": TypeAdapter(kind)
    for name, kind in {
        "Duration": Duration, "Timestamp": Annotated[str, BeforeValidator(_time)], "FieldMask": FieldMask, "Empty": Empty,
        "Struct": Struct, "Value": Value, "ListValue": ListValue, "Any": AnyMessage, "BoolValue": StrictBool,
        "StringValue": StrictStr, "BytesValue": Bytes, "Int32Value": Annotated[int, WRAPPED_INT32],
        "Int64Value": Annotated[int, QUOTED, WRAPPED_INT64], "UInt32Value": Annotated[int, WRAPPED_UINT32],
        "UInt64Value": Annotated[int, QUOTED, WRAPPED_UINT64], "FloatValue": Annotated[float, NAMED, WRAPPED_FLOAT],
        "DoubleValue": Annotated[float, NAMED, WRAPPED_DOUBLE],
    }.items()
}  # fmt: skip
