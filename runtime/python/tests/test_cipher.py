from __future__ import annotations

import json
import unittest
from base64 import b64decode, urlsafe_b64decode
from pathlib import Path
from uuid import UUID, uuid4

from trestle_runtime.encryption.cipher import DataKey, Format, Place

VECTORS = json.loads((Path(__file__).parent.parent / "testdata" / "sealed.json").read_text())
PLACE = Place("Order", "0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b", "/lines/2/note", "/lines/*/note")


def raw_of(sealed: str) -> bytes:
    text = sealed.removeprefix("trs:")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TestSealed(unittest.TestCase):
    def test_vectors(self) -> None:
        """What Go has sealed opens, and what is deterministic is sealed to the same bytes."""
        self.assertGreater(len(VECTORS), 40)
        for v in VECTORS:
            with self.subTest(v["Sealed"]):
                key = DataKey(UUID(v["Key"]), b64decode(v["Secret"]))
                place = Place(v["EventType"], v["EventID"], v["Pointer"], v["Schema"])
                value = b64decode(v["Value"])
                self.assertEqual(key.open(place, raw_of(v["Sealed"])), value)
                again = key.seal(place, v["Format"], value, v["Deterministic"])
                self.assertEqual(again == v["Sealed"], v["Deterministic"])
                self.assertEqual(len(again), len(v["Sealed"]))

    def test_opens_at_its_place_alone(self) -> None:
        """Changed in one bit, or at another place, nothing opens; deterministic values are bound to their place in the schema."""
        key, other = DataKey(uuid4(), bytes(32)), DataKey(uuid4(), bytes(32))
        for deterministic in (False, True):
            for value in (b"", b"x", b"long " * 30):
                raw = raw_of(key.seal(PLACE, Format.TEXT, value, deterministic))
                self.assertEqual(key.open(PLACE, raw), value)
                self.assertEqual(key.open(PLACE._replace(event_id=PLACE.event_id.upper()), raw), value)
                for i in range(len(raw)):
                    if i == 1:
                        continue  # the kind, which readers look at first
                    changed = raw[:i] + bytes([raw[i] ^ 1 << i % 8]) + raw[i + 1 :]
                    self.assertIsNone(key.open(PLACE, changed), i)
                self.assertIsNone(other.open(PLACE, raw))
                for changes in (
                    {"event_type": "Refund"},
                    {"pointer": "/a", "schema": "/a"},
                    {"event_id": str(uuid4())},
                    {"pointer": "/lines/3/note"},
                ):
                    free = deterministic and not {"event_type", "schema"} & changes.keys()
                    self.assertEqual(key.open(PLACE._replace(**changes), raw), value if free else None, changes)

    def test_same_value(self) -> None:
        """One value has one sealed text where that is wanted, and never otherwise."""
        key = DataKey(uuid4(), bytes(32))
        for deterministic in (False, True):
            texts = {key.seal(PLACE, Format.TEXT, b"x", deterministic) for _ in range(100)}
            self.assertEqual(len(texts), 1 if deterministic else 100)

    def test_secret(self) -> None:
        """No repr and no error has a secret."""
        secret = b"MARKER" * 5 + b"MA"
        self.assertNotIn("MARKER", repr(DataKey(uuid4(), secret)))
        with self.assertRaises(ValueError) as raised:
            DataKey(uuid4(), b"MARKER")
        self.assertNotIn("MARKER", str(raised.exception))
