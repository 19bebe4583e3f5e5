"""The formats of JSON Schema, as they are checked in Go too."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

from pydantic import AfterValidator

from .times import parse_time

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))")
_DURATION = re.compile(
    r"P(?:[0-9]+W|"
    r"(?=[0-9T])(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)?"
    r"(?:T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))?)"
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_RELATIVE = re.compile(r"(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_ONLY_PYTHON = re.compile(r"\(\?(?:[P(#]|[aiLmsux-]+[:)])|(?<!\\)(?:\\\\)*\\[AaZ\"'#%&,:;<=>@_`~ !]")
_NAMED = re.compile(r"\(\?<(?![=!])")
_NAME = r"(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})"
_VARIABLE = rf"{_NAME}(?:\.?{_NAME})*(?::[1-9][0-9]{{0,3}}|\*)?"
_TEMPLATE = re.compile(
    rf"(?:[!#$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]|%[0-9A-Fa-f]{{2}}|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
)
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_TAIL = re.compile(rf"(?:{_PCHAR}|[/?])*")
_PATH = re.compile(rf"(?:{_PCHAR}|/)*")
_USER = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_FUTURE = re.compile(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+")


def date(s: str) -> bool:
    """A date of RFC 3339: 2024-02-29."""
    match = _DATE.fullmatch(s)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    # The calendar repeats after 400 years, and Python's begins with year 1.
    return 1 <= month <= 12 and 1 <= day <= monthrange(year % 400 + 400, month)[1]


def time(s: str) -> bool:
    """A time of RFC 3339, with its zone. A leap second is one only at the end of a day in UTC."""
    match = _TIME.fullmatch(s)
    if match is None:
        return False
    hour, minute, second = (int(part) for part in match.groups()[:3])
    zone_hour, zone_minute = (int(part or 0) for part in match.groups()[4:])
    if hour > 23 or minute > 59 or second > 60 or zone_hour > 23 or zone_minute > 59:
        return False
    offset = (zone_hour * 60 + zone_minute) * (-1 if match[4] == "-" else 1)
    return second < 60 or (hour * 60 + minute - offset) % 1440 == 1439


def date_time(s: str) -> bool:
    """A time that readers take: RFC 3339, also with a blank for the T, and also without a zone."""
    try:
        parse_time(s)
    except ValueError:
        return False
    return True


def duration(s: str) -> bool:
    """A duration of ISO 8601 as RFC 3339 has it: P4DT12H30M5S."""
    return _DURATION.fullmatch(s) is not None


def _labels(s: str) -> bool:
    return all(_LABEL.fullmatch(label) is not None for label in s.split("."))


def hostname(s: str) -> bool:
    """A host name, whose last label is not of digits alone; a dot may stand at its end."""
    s = s.removesuffix(".")
    return len(s) <= 253 and _labels(s) and s.rsplit(".", 1)[-1].strip("0123456789") != ""


def email(s: str) -> bool:
    """A mailbox of RFC 5321."""
    local, at, domain = s.rpartition("@")
    if not at or not local or len(local.encode()) > 64:
        return False
    if (_QUOTED if local[0] == '"' else _WORDS).fullmatch(local) is None:
        return False
    if domain[:1] == "[":
        literal = domain[1:-1]
        if domain[-1] != "]" or len(domain) < 2:
            return False
        return ipv6(literal[5:]) if literal.startswith("IPv6:") else ipv4(literal)
    return len(domain) <= 253 and _labels(domain)


def ipv4(s: str) -> bool:
    """An IPv4 address: four decimal numbers without leading zeros."""
    try:
        IPv4Address(s)
    except AddressValueError:
        return False
    return s.isascii()


def ipv6(s: str) -> bool:
    """An IPv6 address without a zone."""
    try:
        IPv6Address(s)
    except AddressValueError:
        return False
    return s.isascii() and "%" not in s


def uri(s: str) -> bool:
    """A URI of RFC 3986, with a scheme."""
    scheme, colon, rest = s.partition(":")
    return bool(colon) and _SCHEME.fullmatch(scheme) is not None and _after_scheme(rest, True)


def uri_reference(s: str) -> bool:
    """A URI or a relative reference of RFC 3986; an empty text is one."""
    return uri(s) or _after_scheme(s, False)


def _after_scheme(s: str, has_scheme: bool) -> bool:
    s, _, fragment = s.partition("#")
    s, _, query = s.partition("?")
    if _TAIL.fullmatch(fragment) is None or _TAIL.fullmatch(query) is None:
        return False
    if s.startswith("//"):
        host, slash, path = s[2:].partition("/")
        return _authority(host) and _PATH.fullmatch(slash + path) is not None
    if not has_scheme and ":" in s.partition("/")[0]:
        return False
    return _PATH.fullmatch(s) is not None


def _authority(s: str) -> bool:
    user, at, host = s.rpartition("@")
    if at and _USER.fullmatch(user) is None:
        return False
    if host.startswith("["):
        literal, bracket, port = host[1:].partition("]")
        known = ipv6(literal.partition("%25")[0]) or _FUTURE.fullmatch(literal) is not None
        return bool(bracket) and known and (port == "" or port[0] == ":" and _digits(port[1:]))
    host, _, port = host.partition(":")
    return _HOST.fullmatch(host) is not None and _digits(port) and _utf8(unquote_to_bytes(host))


def _digits(s: str) -> bool:
    return s == "" or s.isascii() and s.isdecimal()


def _utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def iri(s: str) -> bool:
    """An IRI of RFC 3987, with a scheme: a URI in which letters of all scripts may stand."""
    text = _in_ascii(s)
    return text is not None and uri(text)


def iri_reference(s: str) -> bool:
    """An IRI or a relative reference of RFC 3987; an empty text is one."""
    text = _in_ascii(s)
    return text is not None and uri_reference(text)


def _in_ascii(s: str) -> str | None:
    """The text with a tilde, which may stand wherever they may, for the characters that IRIs have beyond those of URIs. None
    where one stands that no IRI has there."""
    if s.isascii():
        return s
    out: list[str] = []
    query = literal = False  # literals are addresses in brackets
    for c in s:
        if c in "?#":
            query = c == "?"
        elif c in "[]":
            literal = c == "["
        elif not c.isascii():
            if not (not literal and _in_iri(ord(c)) or query and _private_use(ord(c))):
                return None
            c = "~"
        out.append(c)
    return "".join(out)


def _in_iri(c: int) -> bool:
    """Says whether a character is of RFC 3987's ucschar."""
    if c < 0x10000:
        return 0xA0 <= c < 0xD800 or 0xF900 <= c < 0xFDD0 or 0xFDF0 <= c < 0xFFF0
    return c & 0xFFFF < 0xFFFE if c < 0xE0000 else 0xE1000 <= c < 0xEFFFE


def _private_use(c: int) -> bool:
    """Says whether a character is of RFC 3987's iprivate, which stand in queries alone."""
    return 0xE000 <= c < 0xF900 or 0xF0000 <= c and c & 0xFFFF < 0xFFFE


def uri_template(s: str) -> bool:
    """A URI template of RFC 6570: /orders/{id}{?fields*}."""
    return _TEMPLATE.fullmatch("".join("~" if _in_iri(ord(c)) or _private_use(ord(c)) else c for c in s)) is not None


def uuid(s: str) -> bool:
    """A UUID in its canonical form."""
    return _UUID.fullmatch(s) is not None


def json_pointer(s: str) -> bool:
    """A JSON pointer of RFC 6901."""
    return _POINTER.fullmatch(s) is not None


def relative_json_pointer(s: str) -> bool:
    """A JSON pointer that begins with how many levels it goes up."""
    return _RELATIVE.fullmatch(s) is not None


def regex(s: str) -> bool:
    """A regular expression of ECMA-262: one of Python's, but for what only those have, and for names of groups."""
    try:
        re.compile(_NAMED.sub("(?P<", s))
    except re.error:
        return False
    return _ONLY_PYTHON.search(s) is None


CHECKS: dict[str, Callable[[str], bool]] = {
    "date": date, "time": time, "date-time": date_time, "duration": duration, "email": email, "hostname": hostname,
    "ipv4": ipv4, "ipv6": ipv6, "uri": uri, "uri-reference": uri_reference, "uuid": uuid, "json-pointer": json_pointer,
    "relative-json-pointer": relative_json_pointer, "regex": regex, "iri": iri, "iri-reference": iri_reference,
    "uri-template": uri_template,
}  # fmt: skip


def text(name: str) -> AfterValidator:
    """The text is of a format."""
    holds = CHECKS[name]

    def check(value: str) -> str:
        if not holds(value):
            raise ValueError(f"must be a valid {name}")
        return value

    return AfterValidator(check)
