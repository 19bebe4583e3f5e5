"""Makes keys and writes values that are sealed with them, for Go to open."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from base64 import b64encode
from pathlib import Path

from trestle_runtime.encryption import FileKEK, KeyClass, Keys, MemoryStore
from trestle_runtime.encryption.cipher import Format, Place

NOW = 1772366400.123456  # 2026-03-01T12:00:00.123456Z, as in keys_test.go
DAY = 24 * 60 * 60
PLACE = Place("Order", "01990000-0000-7000-8000-000000000001", "/email", "/email")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kek"
        lines = [f"{name} {b64encode(os.urandom(32)).decode()}\n" for name in ("2025", "2026")]
        path.touch(0o600)
        path.write_text(lines[0])
        store, now = MemoryStore(), NOW - 200 * DAY
        keys = Keys({"pii": KeyClass(FileKEK(path))}, store, clock=lambda: now)
        values, persons = [], {}
        for now in (NOW - 200 * DAY, NOW - 100 * DAY, NOW - DAY, NOW):
            for person in ("", "ada", "b0b", "Zo\u00eb \U0001f512", "\u65e5\u672c", "c"):
                key = keys.current("pii", person)
                value = f"at {now} of {person}"
                values.append({"Sealed": key.seal(PLACE, Format.TEXT, value.encode(), False), "Value": value})
                if person:
                    persons[person] = str(key.id)
            path.write_text("".join(lines))
        records = [{"Key": key.decode(), "Value": value.decode()} for key, value in store.records]
        out = {"KEKs": {"pii": path.read_text()}, "Records": records, "Persons": persons, "Values": values}
        json.dump(out, sys.stdout)


main()
