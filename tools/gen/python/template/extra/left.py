"""What models leave to a JSON Schema library: keywords such as if, not and contains."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any
from urllib.parse import quote

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from pydantic import AfterValidator
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT7, DRAFT202012

from . import formats, text
from .errors import broken
from .model import Model, is_partial

# Their types say nothing of their arguments.
_registry: Any = Registry
_no_such_resource: Any = NoSuchResource

_BASE = "https://trestle.invalid/"
_PART = "trestle-part"


def _integer(_: Any, value: Any) -> bool:
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


def _multiple_of(_: Any, step: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and Fraction(value) % Fraction(step) != 0:
        yield ValidationError(f"must be a multiple of {step}")


def _exact(library: Any) -> Any:
    """A validator of the library that takes numbers for what is written."""
    return extend(
        library,
        validators={"multipleOf": _multiple_of},
        type_checker=library.TYPE_CHECKER.redefine("integer", _integer),
    )


_LATEST = (_exact(Draft202012Validator), DRAFT202012)
_DIALECTS = {"http://json-schema.org/draft-07/schema": (_exact(Draft7Validator), DRAFT7)}


def _dialect(document: Any) -> Any:
    """The validator of a schema, and how the library reads it."""
    return _DIALECTS.get(str(document.get("$schema", "")).removesuffix("#"), _LATEST) if isinstance(document, dict) else _LATEST


def _plain(document: Any) -> Any:
    """A schema that does not say which it is: the library would judge by its own validator where it does."""
    return {k: v for k, v in document.items() if k != "$schema"} if isinstance(document, dict) else document


_FORMATS = FormatChecker(formats=())
for _name, _holds in formats.CHECKS.items():
    _FORMATS.checks(_name)(lambda v, holds=_holds: not isinstance(v, str) or holds(v))


def _loads(document: str) -> Any:
    """JSON with its numbers exact, so that 19.99 is a multiple of 0.01."""
    return json.loads(document, parse_float=Decimal)


def _shown(value: Any, path: Iterable[int | str]) -> list[int | str]:
    """The path up to what is sensitive: names inside it may be part of it."""
    shown: list[int | str] = []
    for step in path:
        shown.append(step)
        if isinstance(value, Model):
            if step in value.SENSITIVE:
                break
            value = value.__dict__.get(value._names().get(str(step), ""))
        elif isinstance(value, Mapping):
            value = value.get(step)
        else:
            value = value[step] if isinstance(value, list) and isinstance(step, int) else None
    return shown


class Schemas:
    """The files of schemas, by path, which refer to one another by path or $id."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._documents = {path: _loads(document) for path, document in texts.items()}

    def _find(self, uri: str) -> Resource[Any]:
        best = ""
        for path, document in self._documents.items():
            if isinstance(document, dict) and str(document.get("$id", "")).removesuffix("#") == uri:
                best = path
                break
            if uri.endswith("/" + path) and len(path) > len(best):
                best = path
        if not best:
            raise _no_such_resource(ref=uri)
        document = self._documents[best]
        return Resource.from_contents(_plain(document), default_specification=_dialect(document)[1])

    def _validator(self, path: str, pointer: str, keywords: tuple[str, ...]) -> Any:
        document = self._documents[path]
        validator, specification = _dialect(document)
        document = _plain(document)
        if keywords:
            part = document
            for token in pointer.split("/")[1:]:
                token = token.replace("~1", "/").replace("~0", "~")
                part = part[int(token)] if isinstance(part, list) else part[token]
            document = copy.copy(document)
            definitions = {**document.get("$defs", {}), _PART: {k: v for k, v in part.items() if k in keywords}}
            document["$defs"], pointer = definitions, "/$defs/" + _PART
        uri = str(document.get("$id", _BASE + path)) if isinstance(document, dict) else _BASE + path
        resource = Resource.from_contents(document, default_specification=specification)
        registry = _registry(retrieve=self._find).with_resources([(_BASE + path, resource), (uri, resource)])
        return validator({"$ref": _BASE + path + "#" + quote(pointer)}, registry=registry, format_checker=_FORMATS)

    def check(self, value: Any, path: str, pointer: str, *keywords: str) -> None:
        """Raises a ValueError when a value is not valid by a schema: all of it, or some of its keywords."""
        self._check(self._validator(path, pointer, keywords), value)

    @staticmethod
    def _check(validator: Any, value: Any) -> None:
        if is_partial(value):
            return
        try:
            instance = _loads(text.dumps(value))
        except TypeError as e:
            raise ValueError(str(e)) from None
        for error in validator.iter_errors(instance):
            rule = ".".join(str(part) for part in error.absolute_schema_path if not isinstance(part, int))
            raise broken(type(value).__name__, [(_shown(value, error.absolute_path), f"must be valid by the schema's {rule}")])

    def part(self, path: str, pointer: str, *keywords: str) -> AfterValidator:
        """The value is valid by a schema: all of it, or some of its keywords."""
        validator: Callable[[], Any] = cache(lambda: self._validator(path, pointer, keywords))

        def check(value: Any) -> Any:
            self._check(validator(), value)
            return value

        return AfterValidator(check)
