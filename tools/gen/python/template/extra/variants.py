"""Objects of which one property tells which they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel


def told_apart(name: str, tags: Mapping[str, str]) -> Callable[[Any], str | None]:
    """Finds the tag of a value by one of its members, from the values that it may have."""

    def tag(value: Any) -> str | None:
        found: Any = None
        if isinstance(value, BaseModel):
            for attribute, field in type(value).model_fields.items():
                if (attribute if field.alias is None else field.alias) == name:
                    found = getattr(value, attribute)
        elif isinstance(value, Mapping):
            found = value.get(name)
        if isinstance(found, Enum):
            found = found.value
        return tags.get(found) if isinstance(found, str) else None

    return tag
