"""What all models have in common: how they treat what is absent, repeated or unknown, and how they write JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, ValidationInfo, model_validator
from typing_extensions import Self

from . import text
from .errors import HIDDEN, without_input
from .text import Repeated
from .types import NULL, UNREAD, is_zero

PARTIAL = "(partial)"
"""Stands in the `__dict__` of a model in which something is unavailable, and of an event names what: rules that may depend on it
are not judged."""


def is_partial(value: Any) -> bool:
    """Says whether something that is encrypted is unavailable in a value, however deeply."""
    if isinstance(value, Model):
        return PARTIAL in value.__dict__
    if isinstance(value, dict):
        return any(is_partial(member) for member in value.values())
    return isinstance(value, list) and any(is_partial(item) for item in value)


_assigning: ContextVar[bool] = ContextVar("assigning", default=False)


class Model(BaseModel):
    """An object of a schema. Constructing one checks it, and so does assigning to its fields; what is absent is None, or the
    schema's default.

    None means absent where the schema does not list null. In JSON it is a value like others: what a JSON Schema does not
    list is refused. In protobuf's JSON it is absent.
    """

    model_config = ConfigDict(protected_namespaces=(), use_enum_values=False, validate_assignment=True)

    ZERO_IS_ABSENT: ClassVar[dict[str, object]] = {}
    """Fields whose zero value means that they are not set, and that value."""
    NULL_IS_VALUE: ClassVar[frozenset[str]] = frozenset()
    """Fields that are written as null when they are None."""
    NULL_OR_ABSENT: ClassVar[frozenset[str]] = frozenset()
    """Fields that are null when None was given for them, and left out when nothing was."""
    NULL_IS_ABSENT: ClassVar[bool] = True
    """Whether a null in JSON is absent where it is no value; if not, it is refused."""
    SENSITIVE: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold personal or secret data, which nothing shows."""
    DEFAULT_IS_NOW: ClassVar[frozenset[str]] = frozenset()
    """Fields whose default is the time of publishing."""

    if not TYPE_CHECKING:  # a checker of types knows the keywords already

        def __new__(cls, *_: object, **members: object) -> Self:
            """Refuses keywords that are no fields, where what the schema does not have is not kept. JSON may have them."""
            if members and cls.model_config.get("extra") != "allow":
                for name in members:
                    if name not in cls._names():
                        near = get_close_matches(name, cls._names(), 1)
                        raise TypeError(f"{cls.__name__} has no field {name!r}" + (f"; is it {near[0]!r}?" if near else ""))
            return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in type(self).__pydantic_fields__:
            super().__setattr__(name, value)
            return
        before, given = self.__dict__.copy(), self.__pydantic_fields_set__.copy()
        token = _assigning.set(True)
        try:
            super().__setattr__(name, value)
        except ValidationError:  # rules about several fields have seen the value in its place
            object.__setattr__(self, "__dict__", before)
            object.__setattr__(self, "__pydantic_fields_set__", given)
            raise
        finally:
            _assigning.reset(token)

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, data: Any, info: ValidationInfo) -> Any:
        if _assigning.get():  # these are the attributes of a model, of which one gets another value
            _assigning.set(False)
            return data
        context = info.context or {}
        if isinstance(data, Model):
            if not context.get("again") or type(data) is not cls:
                return data
            data = data._members()
        if not isinstance(data, Mapping):
            return data
        known = cls._names()
        keeps = cls.model_config.get("extra") == "allow"
        if isinstance(data, Repeated):
            for name in sorted(data.names):
                if keeps or name in known:
                    raise ValueError(f"{name} is there more than once")
        out: dict[str, Any] = {}
        for name, value in data.items():
            if name in known:
                if value is None and name not in cls.NULL_IS_VALUE and name not in cls.NULL_OR_ABSENT:
                    if cls.NULL_IS_ABSENT or not (context.get("json") or info.mode == "json"):
                        continue
                    value = NULL
                if cls._is_zero(name, value):
                    continue
            elif keeps and not text.depth_within(value, text.MAX_DEPTH):
                raise ValueError("values of a field that the schema does not have are nested too deeply")
            out[name] = value
        if "now" in context:
            for name in cls.DEFAULT_IS_NOW:
                out.setdefault(name, context["now"])
        return out

    @classmethod
    def _lacks(cls, data: Mapping[str, Any], name: str) -> bool:
        """Says whether JSON has no value for a field, so that the envelope's stands. A null that is refused is one."""
        value = data.get(name)
        if value is None:
            return name not in data or cls.NULL_IS_ABSENT or name in cls.NULL_IS_VALUE or name in cls.NULL_OR_ABSENT
        return cls._is_zero(name, value)

    @classmethod
    def _is_zero(cls, name: str, value: Any) -> bool:
        """Says whether a value means that the field is not set."""
        return name in cls.ZERO_IS_ABSENT and is_zero(value, cls.ZERO_IS_ABSENT[name])

    @classmethod
    def _names(cls) -> Mapping[str, str]:
        """The fields' names in JSON, in schema order, and those in Python."""
        names: dict[str, str] | None = cls.__dict__.get("_names_in_json")
        if names is None:
            names = {name if f.alias is None else f.alias: name for name, f in cls.__pydantic_fields__.items()}
            type.__setattr__(cls, "_names_in_json", names)
        return names

    def _members(self) -> dict[str, Any]:
        """The fields that are set, by their names in JSON, and the unknown ones behind them."""
        values = self.__dict__
        members = {
            name: values[attribute]
            for name, attribute in self._names().items()
            if values[attribute] is not None or not self._is_absent(name, attribute)
        }
        members.update(self.__pydantic_extra__ or {})
        return members

    def _is_absent(self, name: str, attribute: str) -> bool:
        """Says of a field that is None whether it is left out."""
        if name in self.NULL_OR_ABSENT:
            return attribute not in self.__pydantic_fields_set__
        return name not in self.NULL_IS_VALUE

    def append_json(self, out: list[str]) -> None:
        """Appends the JSON text of the model."""
        values = self.__dict__
        separator = "{"
        for name, attribute in self._names().items():
            value = values[attribute]
            if value is None and self._is_absent(name, attribute):
                continue
            out.append(f"{separator}{encode_basestring(name)}:")
            text.append(out, value)
            separator = ","
        for name, value in (self.__pydantic_extra__ or {}).items():
            out.append(f"{separator}{encode_basestring(name)}:")
            text.append(out, value)
            separator = ","
        out.append("{}" if separator == "{" else "}")

    def to_json(self) -> str:
        """The model as JSON, as it stands on the wire: compact, in schema order, what is absent left out."""
        return text.dumps(self)

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Reads the model from JSON. A NotJSONError or a pydantic ValidationError says what is wrong."""
        return cls.model_validate(text.loads(data), context={"json": True})

    def checked(self) -> Self:
        """A copy whose every value was checked again, also what was assigned or appended to since."""
        return type(self).model_validate(self, context={"again": True})


class Discreet(Model):
    """A model that holds what is sensitive: its errors do not have what was given, nor its repr such fields."""

    model_config = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _without_input(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            made = handler(data)
        except ValidationError as e:
            raise without_input(e) from None
        if id(data) in (info.context or {}).get("partial", ()):
            made._leave(name for name, value in data.items() if value is UNREAD)
        return made

    def _leave(self, unread: Iterable[str]) -> None:
        """Remembers what can't be read: it was not given, and rules that may depend on it are not judged."""
        self.__dict__[PARTIAL] = ()
        self.__pydantic_fields_set__.difference_update(self._names().get(name, name) for name in unread)


class Secret(Discreet):
    """A model that stands in what is sensitive: nothing of it is shown."""

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [(None, HIDDEN)]
