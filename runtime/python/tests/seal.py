"""Writes values that are sealed, for Go to open."""

from __future__ import annotations

import json
import os
import random
import sys
from base64 import b64encode
from uuid import uuid4

from trestle_runtime.encryption.cipher import DataKey, Format, Place

VALUES = [b"", b"x", "\u65e5\u672c \U0001f512".encode(), b"[1,2.50]", os.urandom(1000)]


def main() -> None:
    out = []
    for form in Format:
        for deterministic in (False, True):
            for value in VALUES * 3:
                secret = os.urandom(32)
                key = DataKey(uuid4(), secret)
                event_id = random.choice([str(uuid4()), str(uuid4()).upper(), ""])
                place = Place(random.choice(["Order", "caf\u00e9.opened"]), event_id, "/lines/2/a~1b", "/lines/*/a~1b")
                out.append(
                    {
                        "Key": str(key.id), "Secret": b64encode(secret).decode(), "Format": form, "Deterministic": deterministic,
                        "EventType": place.event_type, "EventID": place.event_id, "Pointer": place.pointer,
                        "Schema": place.schema, "Value": b64encode(value).decode(),
                        "Sealed": key.seal(place, form, value, deterministic),
                    }
                )  # fmt: skip
    json.dump(out, sys.stdout)


main()
