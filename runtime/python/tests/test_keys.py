from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

from tests.test_cipher import PLACE, raw_of
from trestle_runtime.encryption import FileKEK, KeyClass, Keys, MemoryStore, WouldBlockError
from trestle_runtime.encryption.cipher import DataKey, Format
from trestle_runtime.encryption.entry import Entry, EntryError, parse_entry
from trestle_runtime.errors import DeniedError, KeysAwayError, KeyUnavailableError

RING = json.loads((Path(__file__).parent.parent / "testdata" / "keys.json").read_text())
RING_PLACE = PLACE._replace(event_id="01990000-0000-7000-8000-000000000001", pointer="/email", schema="/email")
RING_TIME = 1772366400.123456
DAY = 24 * 60 * 60


class FakeKEK:
    """A KEK that does what a test says, and counts what it was asked."""

    def __init__(self) -> None:
        self.wrong: Exception | None = None
        self.wraps = self.unwraps = 0

    def wrap(self, secret: bytes, context: bytes) -> tuple[str, bytes]:
        self.wraps += 1
        if self.wrong is not None:
            raise self.wrong
        return "1", bytes(b ^ 0xFF for b in secret) + context

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        self.unwraps += 1
        if self.wrong is not None:
            raise self.wrong
        if wrapped[32:] != context:
            raise AssertionError("another context")
        return bytes(b ^ 0xFF for b in wrapped[:32])


class FakeStore(MemoryStore):
    """A store that may be away, and counts what it was asked."""

    def __init__(self, *records: tuple[bytes, bytes]) -> None:
        super().__init__(records)
        self.wrong: Exception | None = None
        self.syncs = 0
        self.unread: list[tuple[bytes, bytes]] = []  # written by others

    def append(self, key: bytes, value: bytes) -> None:
        if self.wrong is not None:
            raise self.wrong
        super().append(key, value)

    def sync(self) -> None:
        self.syncs += 1
        if self.wrong is not None:
            raise self.wrong
        unread, self.unread = self.unread, []
        for key, value in unread:
            super().append(key, value)

    def follow(self, take: Callable[[bytes | None, bytes | None], None], restarted: Callable[[], None]) -> None:
        super().follow(take, restarted)
        self.restarted = restarted


class TestRing(unittest.TestCase):
    def test_ring_of_go(self) -> None:
        """What Go has kept and sealed is read, and what can't be has the same reason."""
        with tempfile.TemporaryDirectory() as folder:
            keks = {}
            for name, text in RING["KEKs"].items():
                path = Path(folder) / name
                path.touch(0o600)
                path.write_text(text)
                keks[name] = FileKEK(path)
            records = [(r["Key"].encode(), r["Value"].encode()) for r in RING["Records"]]
            store = MemoryStore()
            with self.assertLogs("trestle_runtime", "WARNING") as logs:
                store.records = records
                keys = Keys(keks, store, clock=lambda: RING_TIME)
            self.assertEqual(len(logs.output), 4, logs.output)
            self.assertGreater(len(RING["Values"]), 15)
            for v in RING["Values"]:
                raw = raw_of(v["Sealed"])
                found = keys.find(UUID(bytes=raw[2:18]))
                if isinstance(found, DataKey):
                    self.assertEqual(found.open(RING_PLACE._replace(event_type="Order"), raw), v["Value"].encode())
                else:
                    self.assertEqual(found, v["Reason"])
            for person, key_id in RING["Persons"].items():
                self.assertEqual(str(keys.current("pii", person).id), key_id)
            self.assertEqual(store.records, records)

    def test_entries(self) -> None:
        """An entry that was read is written as it was; one that is broken is refused, without what is wrapped."""
        count = 0
        for r in RING["Records"]:
            key, value = r["Key"].encode(), r["Value"].encode()
            try:
                entry = parse_entry(key, value)
            except EntryError:
                continue
            count += 1
            self.assertEqual(entry.record, (key, value))
            members = json.loads(value)
            self.assertNotIn(members.get("wrapped", "MARKER"), repr(entry))
            for name in members:
                for change in (None, 7, "x", "MARKER=", ["MARKER"], {"MARKER": 1}):
                    if name in ("why", "kek", "class") and isinstance(change, str):
                        continue
                    changed = json.dumps({**members, name: change}).encode()
                    try:
                        self.assertNotEqual(parse_entry(key, changed), entry)
                    except EntryError as e:
                        self.assertNotIn("MARKER", str(e))
        self.assertGreater(count, 10)
        for broken in (
            b"",
            b"x",
            b"[]",
            b"null",
            b"{}",
            b'{"version":true}',
            b'{"version":1}',
            b"\xff",
            b"[" * 100_000,
        ):
            with self.assertRaises(EntryError, msg=broken[:20]):
                parse_entry(b"x", broken)


class TestKeys(unittest.TestCase):
    def setUp(self) -> None:
        self.kek, self.store, self.now = FakeKEK(), FakeStore(), RING_TIME
        self.keys = self.open()

    def open(self, **classes: Any) -> Keys:
        return Keys({"pii": self.kek, **classes}, self.store, clock=lambda: self.now)

    def test_period(self) -> None:
        """A class's key serves for its period; then it has a successor, and so have those of persons. All of them open."""
        sealed = []
        for days in (0, 89, 1, 89, 1):
            self.now += days * DAY
            for person in ("", "Ada L.", "Ada L.", "b0b"):
                key = self.keys.current("pii", person)
                sealed.append(key.seal(PLACE, Format.TEXT, person.encode(), False))
        self.assertEqual(len({raw_of(s)[2:18] for s in sealed}), 9)
        self.assertEqual((len(self.store.records), self.kek.wraps), (9, 3))
        others = self.open()
        for s in sealed:
            found = others.find(UUID(bytes=raw_of(s)[2:18]))
            assert isinstance(found, DataKey)
            self.assertIn(found.open(PLACE, raw_of(s)), (b"", b"Ada L.", b"b0b"))
        self.assertEqual(self.kek.unwraps, 3)
        self.assertEqual(others.current("pii", "Ada L.").id, self.keys.current("pii", "Ada L.").id)
        self.assertNotIn("Ada L.", repr(self.keys) + b"".join(v for _, v in self.store.records).decode())

    def test_made_before_it_is_used(self) -> None:
        """A key that can't be kept is not used, and neither is one that can't be wrapped."""
        self.store.sync()
        self.store.wrong = OSError("no broker")
        with self.assertRaisesRegex(KeysAwayError, "no broker"):
            self.keys.current("pii")
        self.store.wrong, self.kek.wrong = None, OSError("no KMS")
        with self.assertRaisesRegex(KeysAwayError, "no KMS"):
            self.keys.current("pii")
        self.kek.wrong = DeniedError("no")
        with self.assertRaises(KeyUnavailableError) as raised:
            self.keys.current("pii")
        self.assertEqual(raised.exception.reason, "denied")
        with self.assertRaises(KeyUnavailableError) as raised:
            self.keys.current("finance")
        self.assertEqual(raised.exception.reason, "no_kek")
        self.assertEqual(self.store.records, [])

    def test_used_beyond_its_period(self) -> None:
        """While the store or the KEK is away, a key is used on, and a new one is tried each minute."""
        old = self.keys.current("pii")
        self.now += 91 * DAY
        self.kek.wrong = OSError("no KMS")
        with self.assertLogs("trestle_runtime", "WARNING"):
            self.assertIs(self.keys.current("pii"), old)
        wraps = self.kek.wraps
        self.assertIs(self.keys.current("pii"), old)
        self.assertEqual(self.kek.wraps, wraps)
        self.now += 61
        self.kek.wrong = None
        self.assertIsNot(self.keys.current("pii"), old)

    def test_refused(self) -> None:
        """What a KEK refuses is not asked again within a minute."""
        key = self.keys.current("pii")
        self.kek.wrong = DeniedError("no")
        others = self.open()
        for _ in range(3):
            self.assertEqual(others.find(key.id), "denied")
        self.assertEqual(self.kek.unwraps, 1)
        self.kek.wrong = OSError("away")
        self.now += 61
        with self.assertRaises(KeysAwayError):
            others.find(key.id)
        self.kek.wrong = None
        self.assertIsInstance(others.find(key.id), DataKey)

    def test_unknown(self) -> None:
        """The store is read to its end before a key is said to be unknown."""
        elsewhere = FakeStore()
        key = Keys({"pii": self.kek}, elsewhere).current("pii", "ada")
        self.assertEqual(self.keys.find(key.id), "unknown_key")
        self.store.unread = elsewhere.records[1:]
        self.assertEqual(self.keys.find(key.id), "unknown_key")
        self.store.unread = elsewhere.records[:1]
        self.assertIsInstance(self.keys.find(key.id), DataKey)
        syncs = self.store.syncs
        self.assertIsInstance(self.keys.find(key.id), DataKey)
        self.assertEqual(self.store.syncs, syncs)
        self.store.wrong = OSError("away")
        with self.assertRaises(KeysAwayError):
            self.keys.find(UUID(int=1))

    def test_destroyed(self) -> None:
        """What is destroyed stays so, whatever is written over it, and so do the keys that it wraps."""
        old, person = self.keys.current("pii"), self.keys.current("pii", "ada")
        first, second = list(self.store.records)
        entry = parse_entry(*second)
        erased = Entry(
            entry.id, "pii", entry.created, parent=entry.parent, person=entry.person, destroyed=1, why="erase"
        )
        self.store.append(*erased.record)
        self.store.append(*second)
        self.assertEqual(self.keys.find(person.id), "erased")
        again = self.keys.current("pii", "ada")
        self.assertNotEqual(again.id, person.id)
        self.store.append(*Entry(old.id, "pii", parse_entry(*first).created, destroyed=1, why="destroy").record)
        self.store.append(*first)
        self.assertEqual([self.keys.find(k.id) for k in (old, person, again)], ["destroyed", "erased", "destroyed"])
        self.assertNotIn(self.keys.current("pii", "ada").id, (old.id, person.id, again.id))

    def test_destroyed_before_it_is_read(self) -> None:
        """A program that has just begun to read the store decrypts nothing with a key that was destroyed since."""
        key = self.keys.current("pii")
        (record,) = self.store.records
        late = FakeStore(record)
        late.unread = [Entry(key.id, "pii", parse_entry(*record).created, destroyed=1, why="destroy").record]
        self.assertEqual(Keys({"pii": self.kek}, late).find(key.id), "destroyed")

    def test_destroyed_as_it_is_picked(self) -> None:
        """Another key is made where the one that was picked is destroyed before it is used."""
        old = self.keys.current("pii")
        (record,) = self.store.records
        destroyed = Entry(old.id, "pii", parse_entry(*record).created, destroyed=1, why="destroy").record
        opening = self.keys._open

        def destroyed_first(*arguments: Any) -> Any:
            self.store.append(*destroyed)
            return opening(*arguments)

        with mock.patch.object(self.keys, "_open", destroyed_first):
            self.assertNotEqual(self.keys.current("pii").id, old.id)
        self.assertEqual(self.keys.find(old.id), "destroyed")

    def test_made_anew(self) -> None:
        """What was read opens when the topic was made anew; what is sealed is with keys that others have too."""
        key = self.keys.current("pii", "ada")
        with self.assertLogs("trestle_runtime", "WARNING"):
            self.store.restarted()
        again = self.keys.current("pii", "ada")
        self.assertNotEqual(again.id, key.id)
        self.assertIs(self.keys.find(key.id), key)
        self.assertIsInstance(Keys({"pii": self.kek}, MemoryStore(self.store.records[2:])).find(again.id), DataKey)

    def test_made_anew_meanwhile(self) -> None:
        """A person's key is not made under one that nobody else may have."""
        self.keys.current("pii")
        with (
            mock.patch.object(self.store, "sync", self.store.restarted),
            self.assertLogs("trestle_runtime", "WARNING"),
            self.assertRaisesRegex(KeysAwayError, "made anew"),
        ):
            self.keys.current("pii", "ada")
        key = self.keys.current("pii", "ada")
        self.assertIsInstance(Keys({"pii": self.kek}, MemoryStore(self.store.records[1:])).find(key.id), DataKey)

    def test_spent(self) -> None:
        """A key that has sealed as much as it may has a successor, and opens on."""
        for person in ("", "ada"):
            key = self.keys.current("pii", person)
            key._sealed = 1 << 32
            self.assertNotEqual(self.keys.current("pii", person).id, key.id)
            self.assertIs(self.keys.find(key.id), key)

    def test_threads(self) -> None:
        """Threads that need a key at once make one, and that of each person once."""
        found: list[tuple[str, UUID]] = []

        def work() -> None:
            for i in range(50):
                person = f"p{i % 7}" if i else ""
                found.append((person, self.keys.current("pii", person).id))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(found), len(set(found)), len(self.store.records), self.kek.wraps), (400, 8, 8, 1))

    def test_settings(self) -> None:
        from datetime import timedelta

        for classes in ({"": self.kek}, {"pii": KeyClass(self.kek, timedelta())}):
            with self.assertRaises(ValueError):
                Keys(classes, self.store)


class FakeEvent:
    """An event as keys see it: it is sealed for a person."""

    def __init__(self, person: str) -> None:
        self.person = person

    def to_record(self, *, keys: Any, suffix: str = "") -> tuple[UUID, str]:
        return keys.current("pii", self.person).id, self.person + suffix


def parse(value: bytes, headers: list[tuple[str, bytes]], *, keys: Any) -> Any:
    return [keys.find(UUID(i)) for i in json.loads(value)]


class TestAwaited(unittest.IsolatedAsyncioTestCase):
    """Nothing blocks the event loop: what takes time is done beside it."""

    def setUp(self) -> None:
        self.kek, self.store = FakeKEK(), FakeStore()
        self.keys = Keys({"pii": self.kek}, self.store)

    async def test_seal_and_open(self) -> None:
        event = FakeEvent("ada")
        with self.assertRaises(WouldBlockError):
            event.to_record(keys=self.keys)
        key_id, person = await self.keys.seal(event, suffix="!")
        self.assertEqual(person, "ada!")
        self.assertEqual(event.to_record(keys=self.keys), (key_id, "ada"))
        others = Keys({"pii": self.kek}, self.store)
        value = json.dumps([str(key_id), str(UUID(int=1)), str(key_id)]).encode()
        with self.assertRaises(WouldBlockError):
            parse(value, [], keys=others)
        found = await others.open(parse, value, [("a", b"b")])
        self.assertEqual([getattr(f, "id", f) for f in found], [key_id, "unknown_key", key_id])
        self.assertIsInstance(parse(json.dumps([str(key_id)]).encode(), [], keys=others)[0], DataKey)

    async def test_period(self) -> None:
        """A key whose period has passed is used on by who can't wait, and replaced by who can."""
        now = RING_TIME
        keys = Keys({"pii": self.kek}, self.store, clock=lambda: now)
        event = FakeEvent("")
        old = await keys.seal(event)
        now += 91 * DAY
        self.assertEqual(event.to_record(keys=keys), old)
        new = await keys.seal(event)
        self.assertNotEqual(new, old)
        self.assertEqual(event.to_record(keys=keys), new)

    async def test_away(self) -> None:
        """Reading waits for keys that are away; publishing gives up."""
        record = json.dumps([str((await self.keys.seal(FakeEvent("ada")))[0])]).encode()
        others = Keys({"pii": self.kek}, self.store)
        self.kek.wrong = OSError("no KMS")
        with self.assertLogs("trestle_runtime", "WARNING") as logs:
            with self.assertRaisesRegex(KeysAwayError, "no KMS"):
                await others.seal(FakeEvent("b0b"), patience=0.05)
            reading = asyncio.create_task(others.open(parse, record))
            while len(logs.output) < 2:
                await asyncio.sleep(0)
            self.assertFalse(reading.done())
            self.kek.wrong = None
            self.assertIsInstance((await reading)[0], DataKey)

    async def test_threads_of_their_own(self) -> None:
        """While a KEK does not answer, the program's other work goes on."""
        record = json.dumps([str((await self.keys.seal(FakeEvent("ada")))[0])]).encode()
        others, answers = Keys({"pii": self.kek}, self.store), threading.Event()
        unwrap = self.kek.unwrap

        def late(*arguments: Any) -> bytes:
            answers.wait()
            return unwrap(*arguments)

        with mock.patch.object(self.kek, "unwrap", late):
            reading = [asyncio.create_task(others.open(parse, record)) for _ in range(100)]
            await asyncio.sleep(0)
            self.assertEqual(await asyncio.to_thread(len, "abc"), 3)
            self.assertFalse(any(task.done() for task in reading))
            answers.set()
            for found in await asyncio.gather(*reading):
                self.assertIsInstance(found[0], DataKey)
        self.assertEqual(self.kek.unwraps, 1)

    async def test_denied(self) -> None:
        """An event that can't be encrypted is not published, and says why."""
        self.kek.wrong = DeniedError("no")
        with self.assertRaises(KeyUnavailableError) as raised:
            await self.keys.seal(FakeEvent(""))
        self.assertEqual(raised.exception.reason, "denied")
