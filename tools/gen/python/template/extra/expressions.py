"""Rules in CEL, which protovalidate checks: models become protobuf messages for it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Any
from uuid import UUID

from . import text
from .errors import broken
from .model import Model, is_partial

try:
    import protovalidate
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
except ImportError as e:
    raise ImportError(
        "these schemas have rules in CEL, which the packages protovalidate and protobuf check: install them, "
        "pip install 'protovalidate>=2.1' 'protobuf>=6.33'"
    ) from e

_pools: Any = descriptor_pool
_factory: Any = message_factory
_json: Any = json_format


class Messages:
    """The protobuf messages of a package, whose rules have expressions."""

    def __init__(self, files: str, enums: Mapping[str, Mapping[str, int]], fields: Mapping[str, Mapping[str, str]]) -> None:
        """files are descriptors in base64; enums have the numbers of names in JSON, and fields the names in protobuf of
        those that have another in JSON."""
        self._files, self._enums, self._fields = files, enums, fields

    @cached_property
    def _pool(self) -> Any:
        pool = _pools.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(self._files)).file:
            pool.AddSerializedFile(file.SerializeToString())
        return pool

    @cached_property
    def _validator(self) -> Any:
        return protovalidate.Validator()

    def check(self, model: Model, name: str, hidden: bool = False) -> None:
        """Raises a ValidationError where a model breaks a rule of its message. What is hidden is not quoted."""
        if is_partial(model):
            return
        message = _factory.GetMessageClass(self._pool.FindMessageTypeByName(name))()
        try:
            self._fill(message, model)
        except ValueError:  # half of a surrogate pair, say; it holds the value
            raise broken(type(model).__name__, [((), "holds a value that protobuf has no form for")]) from None
        faults: list[tuple[list[str], str]] = []
        try:
            violations = self._validator.collect_violations(message)
        except protovalidate.EvaluationError as e:  # a division by zero, say
            said = "a rule cannot be evaluated" if hidden else f"a rule cannot be evaluated: {e}"
            raise broken(type(model).__name__, [((), said)]) from None
        for violation in violations:
            proto = violation.proto
            said = "must follow the rule" if hidden else proto.message
            path = [] if proto.field is None else [proto.field.elements[0].field_name]
            faults.append((path, f"{said} [{proto.rule_id}]"))
        if faults:
            raise broken(type(model).__name__, faults)

    def _fill(self, message: Any, model: Model) -> None:
        descriptor = message.DESCRIPTOR
        names = self._fields.get(descriptor.full_name, {})
        for name, attribute in type(model)._names().items():
            value = model.__dict__[attribute]
            if value is not None:
                self._set(message, descriptor.fields_by_name[names.get(name, name)], value)

    def _set(self, message: Any, field: Any, value: Any) -> None:
        if isinstance(value, dict) and field.message_type and field.message_type.GetOptions().map_entry:
            entry = field.message_type.fields_by_name["value"]
            entries = getattr(message, field.name)
            for key, item in value.items():
                if entry.message_type:
                    self._fill_any(entries[key], item)
                else:
                    entries[key] = self._scalar(entry, item)
        elif isinstance(value, list) and field.is_repeated:
            items = getattr(message, field.name)
            for item in value:
                if field.message_type:
                    self._fill_any(items.add(), item)
                else:
                    items.append(self._scalar(field, item))
        elif field.message_type:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self._fill_any(inner, value)
        else:
            setattr(message, field.name, self._scalar(field, value))

    def _scalar(self, field: Any, value: Any) -> Any:
        if field.enum_type:
            return self._enums[field.enum_type.full_name][value.value if isinstance(value, Enum) else value]
        return str(value) if isinstance(value, UUID) else value

    def _fill_any(self, message: Any, value: Any) -> None:
        name = message.DESCRIPTOR.full_name
        if isinstance(value, Model):
            self._fill(message, value)
        elif name == "trestle.v1.JsonObject":
            message.json = text.dumps(value)
        elif isinstance(value, datetime):
            message.FromDatetime(value)
        elif name == "google.protobuf.Any":
            message.type_url = value.get("@type", "")
        elif name.endswith("Value") and name not in ("google.protobuf.Value", "google.protobuf.ListValue"):
            message.value = self._scalar(message.DESCRIPTOR.fields_by_name["value"], value)
        else:
            _json.Parse(text.dumps(value), message)
