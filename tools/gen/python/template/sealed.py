"""Encrypted fields: where they stand in an event's JSON, and how they are sealed and opened there.

The keys, and what seals and opens with them, are given: the package trestle-runtime has them.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from . import text
from .errors import Fault, InvalidEventError, RecordError, UnavailableError
from .model import Model
from .types import UNREAD

PREFIX = "trs:"
"""Begins every sealed value."""
BESIDE = "_encrypted"
"""Ends the name of the member that a value is in, sealed, which is no text."""
NO_KEYS = "no_keys"
"""Why fields are unavailable to those who read without keys."""

_VERSION = 1
_HEADER_SIZE = 18
_LEAST = {1: 12 + 16, 2: 16}  # behind the header: nonce and tag, or the synthetic initialisation vector
_DETERMINISTIC = 2
_TEXT, _JSON, _FORMATS = 0, 1, 4
_BASE64 = re.compile(r"[A-Za-z0-9_-]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_$@\u0080-\U0010ffff-]+")
_STEP = re.compile(r'\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([A-Za-z0-9_$@\u0080-\U0010ffff-]+)', re.DOTALL)

Place = tuple[str, str, str, str]
"""Event type, event id, and the pointers to the value in the event and in its schema."""


class Key(Protocol):
    """A data key."""

    def seal(self, place: Place, form: int, value: bytes, deterministic: bool, /) -> str:
        """The value, sealed to its place, as text."""

    def open(self, place: Place, raw: bytes, /) -> bytes | None:
        """The value that was sealed, of what stands behind the prefix. None: it was changed, or sealed to another place."""


class Keys(Protocol):
    """The data keys of a program: `trestle_runtime.Keys`. What they raise says that they can't be asked now."""

    def current(self, key_class: str, subject: str, /) -> Key:
        """The key that values of a class are sealed with, of the data subject if one is named."""

    def find(self, key_id: UUID, /) -> Key | str:
        """The key of an id, or why it can't be had."""


@dataclass(frozen=True)
class Seal:
    """How a member is encrypted on the wire."""

    key: str
    """The class of keys with which it is."""
    deterministic: bool = False
    """One value is encrypted to the same text wherever it stands in events of the type."""
    beside: bool = False
    """The value is no text: encrypted, it is not there, and its text is in a member of that name followed by _encrypted."""


@dataclass(frozen=True)
class SealedType:
    """What of the objects of one type is encrypted. Other values are described by the name of their type, behind "[]" for
    each list or map that they stand in; those that are not described have nothing that is encrypted."""

    seals: Mapping[str, Seal] = field(default_factory=dict)
    """How members are encrypted, by their names."""
    members: Mapping[str, str] = field(default_factory=dict)
    """What describes the values of members that are not encrypted themselves, by their names."""
    others: str = ""
    """What describes the values of members that are not among these."""
    choice: str = ""
    """The member that says which type an object is of; empty where the type is no choice."""
    variants: Mapping[str, str] = field(default_factory=dict)
    """The names of those types by its value."""


Types = Mapping[str, SealedType]
"""What of types is encrypted, by their names."""


class Unavailable(NamedTuple):
    """A field that can't be read, since the key that it was sealed with is not to be had. It is None in the event."""

    path: str
    """Where, relative to the payload: `customer.email`."""
    key_id: UUID
    reason: str
    """Why: `no_keys`, `unknown_key`, `destroyed`, `erased`, `denied`, `no_kek`, `unknown_kek` or `broken`."""


class Opened(NamedTuple):
    """What was found in a payload, whose sealed values are replaced by what was sealed."""

    unavailable: tuple[Unavailable, ...]
    plain: int
    """How many values are not sealed though the schema has them so."""
    partial: frozenset[int]
    """The ids of the objects in which something is unavailable, however deeply."""


NOTHING = Opened((), 0, frozenset())


class _At(NamedTuple):
    """Where a value stands: its path, and its pointers in the event and in the schema."""

    path: str = ""
    pointer: str = ""
    schema: str = ""

    def member(self, name: str, entry: bool = False) -> _At:
        """Where a member stands, or an entry of a map."""
        escaped = name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name
        if entry or not _PLAIN_NAME.fullmatch(name):
            path = f"{self.path}[{json.dumps(name, ensure_ascii=False)}]"
        else:
            path = f"{self.path}.{name}" if self.path else name
        return _At(path, f"{self.pointer}/{escaped}", self.schema + ("/*" if entry else f"/{escaped}"))

    def item(self, index: int) -> _At:
        """Where an item of a list stands."""
        return _At(f"{self.path}[{index}]", f"{self.pointer}/{index}", self.schema + "/*")


class _Member(NamedTuple):
    """A member that the schema has encrypted."""

    holder: dict[str, Any]
    name: str
    seal: Seal
    beside: bool  # it is the one with the sealed text of a value that is no text
    at: _At
    within: tuple[int, ...]  # the ids of the objects that it is in

    @property
    def key(self) -> str:
        return self.name + BESIDE if self.beside else self.name


def _steps(path: str) -> Iterator[str | int]:
    """The names and indexes of a path: `lines[2].note`, `by_name["a b"]`."""
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or (path[at] == ".") != (at > 0 and path[at] != "["):
            raise LookupError(f"{path!r} is no path: write it as lines[2].note")
        index, key, name = match.groups()
        yield int(index) if index is not None else json.loads(key) if key is not None else name
        at = match.end()


def _find(
    types: Types, value: Any, described: Sequence[str], at: _At, within: tuple[int, ...], found: list[_Member]
) -> None:
    """Finds the members of a value that are encrypted, unless they are null. Each of the descriptions may be the value's."""
    elements = [name[2:] for name in described if name.startswith("[]")]
    if isinstance(value, list):
        for i, item in enumerate(value if elements else ()):
            _find(types, item, elements, at.item(i), within, found)
    if not isinstance(value, dict):
        return
    within = (*within, id(value))
    chosen = [one for name in described if not name.startswith("[]") for one in _chosen(types, name, value)]
    for name, member in value.items():
        base, beside = name, False
        seal = _seal_of(chosen, name)
        if seal is None and name.endswith(BESIDE):
            base, beside = name[: -len(BESIDE)], True
            seal = _seal_of(chosen, base)
        if seal is not None and (seal.beside or not beside):
            if member is not None:
                found.append(_Member(value, base, seal, beside, at.member(base), within))
        elif inner := _described(chosen, elements, name):
            _find(types, member, inner, at.member(name, not chosen), within, found)


def _found(types: Types, full_name: str, payload: Any) -> list[_Member]:
    found: list[_Member] = []
    _find(types, payload, [full_name], _At(), (), found)
    return found


_NOTHING = SealedType()


def _chosen(types: Types, name: str, value: Mapping[str, Any]) -> list[SealedType]:
    """What is said of a type; of a choice, of the type that the object says it is, or of all of them."""
    if name == "google.protobuf.Any":
        name = str(value.get("@type", "")).rpartition("/")[2]
    found = types.get(name, _NOTHING)
    if not found.choice:
        return [found]
    said = value.get(found.choice)
    if type(said) is str and said in found.variants:
        return [types.get(found.variants[said], _NOTHING)]
    return [types.get(variant, _NOTHING) for variant in found.variants.values()]


def _seal_of(chosen: Iterable[SealedType], name: str) -> Seal | None:
    for one in chosen:
        if name in one.seals:
            return one.seals[name]
    return None


def _described(chosen: Iterable[SealedType], elements: Iterable[str], name: str) -> list[str]:
    inner = list(elements)
    for one in chosen:
        described = one.members.get(name, one.others)
        if described and described not in inner:
            inner.append(described)
    return inner


class Named(NamedTuple):
    """Which event something is in."""

    event_type: str
    """On the wire."""
    full_name: str
    event_id: str


def seal(types: Types, event: Named, payload: bytes, current: Mapping[str, Key]) -> Any:
    """The JSON of a payload with what is encrypted sealed, with keys by their classes."""
    document = json.loads(payload, parse_int=text.Written, parse_float=text.Written)
    renamed: dict[int, tuple[dict[str, Any], dict[str, str]]] = {}
    for member in _found(types, event.full_name, document):
        value = member.holder[member.key]
        if member.beside:  # the schema has no member of that name
            continue
        if member.seal.beside:
            form, content = _JSON, text.dumps(value)
            renamed.setdefault(id(member.holder), (member.holder, {}))[1][member.name] = member.name + BESIDE
        elif isinstance(value, str) and not isinstance(value, text.Written):
            form, content = _TEXT, value
        else:
            raise InvalidEventError(event.full_name, [Fault(member.at.path, "what is not a string can't be encrypted as one")])
        place = (event.event_type, event.event_id, member.at.pointer, member.at.schema)
        member.holder[member.name] = current[member.seal.key].seal(place, form, content.encode("utf-8"), member.seal.deterministic)
    for holder, names in renamed.values():
        members = {names.get(name, name): value for name, value in holder.items()}
        holder.clear()
        holder.update(members)
    return document


class _Refused(Exception):
    """A sealed value that is none of this place."""


def open_payload(types: Types, event: Named, payload: dict[str, Any], keys: Keys | None) -> Opened:
    """Opens what is sealed in a payload. An InvalidEventError says what does not open."""
    unavailable: list[Unavailable] = []
    faults: list[Fault] = []
    partial: set[int] = set()
    plain = 0
    had: dict[UUID, Key | str] = {}

    def find(key_id: UUID) -> Key | str:
        if key_id not in had:
            had[key_id] = NO_KEYS if keys is None else keys.find(key_id)
        return had[key_id]

    for member in _found(types, event.full_name, payload):
        value = member.holder[member.key]
        if not (isinstance(value, str) and value.startswith(PREFIX)) and not member.beside:
            plain += 1
            continue
        try:
            found = _open(member, value, event, find)
        except _Refused as e:
            faults.append(Fault(member.at.path, f"can't be decrypted: {e}"))
            continue
        if isinstance(found, Unavailable):
            unavailable.append(found)
            partial.update(member.within)
        if member.beside:
            if member.name in member.holder or member.key in getattr(member.holder, "names", ()):
                faults.append(Fault(member.at.path, "is there more than once"))
            del member.holder[member.key]
        member.holder[member.name] = UNREAD if isinstance(found, Unavailable) else found
    if faults:
        raise InvalidEventError(event.full_name, faults)
    return Opened(tuple(unavailable), plain, frozenset(partial))


def _open(member: _Member, value: Any, event: Named, find: Callable[[UUID], Key | str]) -> Any:
    if not isinstance(value, str) or not value.startswith(PREFIX):
        raise _Refused("it is no sealed value")
    raw = _raw(value[len(PREFIX) :])
    if member.seal.beside and not member.beside:
        raise _Refused(f"a sealed value is under a name that ends in {BESIDE}")
    key_id = UUID(bytes=raw[2:_HEADER_SIZE])
    key = find(key_id)
    if isinstance(key, str):
        return Unavailable(member.at.path, key_id, key)
    content = key.open((event.event_type, event.event_id, member.at.pointer, member.at.schema), raw)
    if content is None:
        raise _Refused("it was changed, or sealed for another event, field or type")
    form, mode = raw[1] >> 4, raw[1] & 0xF
    if form != (_JSON if member.seal.beside else _TEXT) or mode == _DETERMINISTIC and not member.seal.deterministic:
        raise _Refused("it was sealed as something else than the schema has there")
    return _read(content, form)


def _read(content: bytes, form: int) -> Any:
    said = "what was sealed is not UTF-8"
    try:
        if form == _TEXT:
            return content.decode("utf-8")
        return text.loads(content)
    except UnicodeDecodeError:
        pass
    except RecordError:
        said = "what was sealed is not JSON"
    raise _Refused(said)  # not from an error that has the content


def _raw(encoded: str) -> bytes:
    """The bytes of a sealed value behind its prefix, as long as they have to be."""
    raw = b""
    if _BASE64.fullmatch(encoded):
        try:
            raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except binascii.Error:
            pass
    if not encoded.isascii() or urlsafe_b64encode(raw).rstrip(b"=") != encoded.encode():
        raise _Refused("a sealed value that is not base64url")
    if raw and raw[0] != _VERSION:
        raise _Refused(f"a sealed value of version {raw[0]}, and this reads version {_VERSION}: a newer release may")
    if len(raw) < _HEADER_SIZE:
        raise _Refused("a sealed value that is cut off")
    least = _LEAST.get(raw[1] & 0xF)
    if least is None or raw[1] >> 4 >= _FORMATS:
        raise _Refused(f"a sealed value of an unknown kind ({raw[1]:#x}): a newer release may read it")
    if len(raw) < _HEADER_SIZE + least:
        raise _Refused("a sealed value that is cut off")
    return raw


def require(payload: Any, unavailable: Iterable[Unavailable], path: str) -> Any:
    """The value at a path of a model; an UnavailableError says that it can't be read."""
    for u in unavailable:
        if path == u.path or path.startswith((u.path + ".", u.path + "[")):
            raise UnavailableError(*u)
    return _value_at(payload, path)


def refuse_unavailable(payload: Any, unavailable: Iterable[Unavailable]) -> None:
    """Raises an UnavailableError where a field that could not be read has got no other value since."""
    for u in unavailable:
        try:
            absent = _value_at(payload, u.path) is None
        except LookupError:
            absent = True
        if absent:
            raise UnavailableError(*u)


def _value_at(value: Any, path: str) -> Any:
    """The value at a path of a model. A LookupError says that the model has no such place."""
    for step in _steps(path):
        if isinstance(value, Model) and isinstance(step, str) and step in value._names():
            value = getattr(value, value._names()[step])
            continue
        try:
            value = value[step]
        except (LookupError, TypeError):
            raise LookupError(f"{path}: there is no {step!r} in a {type(value).__name__}") from None
    return value
