"""The data keys of a program."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from ..errors import KEKRefusal, KeysAwayError, KeyUnavailableError, named
from .cipher import SECRET_SIZE, DataKey
from .entry import Entry, EntryError, context_of, parse_entry
from .kek import KEK
from .secrets import Secrets
from .store import Store

_log = logging.getLogger("trestle_runtime")

_REFUSED_FOR = 60  # seconds for which what a KEK refused is not asked again
_REPLACE_AGAIN = 60  # seconds after which making a key in place of an old one is tried again
_OPENED = 10_000  # how many persons' keys are kept unwrapped, of those used last
_THREADS = 8
_LONGEST_PAUSE = 10.0  # seconds between two attempts

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True)
class KeyClass:
    """How the data keys of a class are kept."""

    kek: KEK
    period: timedelta = timedelta(days=90)
    """For how long events are encrypted with one data key."""


class WouldBlockError(KeysAwayError):
    """A key is to be looked for or made, which takes time, where an event loop runs: `await keys.seal(event)` and
    `await keys.open(parse_record, …)` do it beside the loop."""

    def __init__(self, what: tuple[str, str] | UUID) -> None:
        self.what = what
        super().__init__("a key has to be looked for: await keys.seal(event), or keys.open(parse_record, ...)")


class _ClassKey:
    """A class's data key."""

    __slots__ = ("age", "created", "destroyed", "id", "kek", "key_class", "refused", "secrets", "until", "wrapped")

    def __init__(self, key_id: UUID) -> None:
        self.id = key_id
        self.key_class = ""  # its entry was not met yet, only those of persons under it
        self.created = 0
        self.kek = ""
        self.wrapped = b""
        self.destroyed = False
        self.age = 0  # of the store, where its entry was met last
        self.secrets: Secrets | None = None
        self.refused = ""  # the reason for which the KEK did
        self.until = 0.0  # when to ask it again


class _PersonKey:
    """A person's. There are many: it is kept small."""

    __slots__ = ("age", "created", "id", "parent", "tag", "why", "wrapped")

    def __init__(self, entry: Entry, parent: _ClassKey) -> None:
        self.id, self.parent, self.tag, self.created = entry.id, parent, entry.person, entry.created
        self.wrapped = b""
        self.why = ""  # it is not destroyed
        self.age = -1


class _Recent(Generic[K, T]):
    """Keeps what was used last."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K) -> T | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: T) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def drop(self, key: K) -> None:
        self._values.pop(key, None)


class Keys:
    """The data keys that a program encrypts and decrypts with: it follows a store, and keeps in memory what KEKs have unwrapped. It
    may be used from many threads, and from an event loop, which never waits in it.

    Errors of what can't be had are a KeyUnavailableError, or a KeysAwayError where trying again may help.
    """

    def __init__(
        self,
        classes: Mapping[str, KEK | KeyClass],
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The classes are those whose keys this program may use, and the KEKs that wrap them. clock says what time it is, in
        seconds since 1970."""
        self._classes = {name: of if isinstance(of, KeyClass) else KeyClass(of) for name, of in classes.items()}
        for name, of in self._classes.items():
            if not name:
                raise ValueError("a class of keys without a name")
            if of.period <= timedelta():
                raise ValueError(f"class of keys {name}: its period is {of.period}, and has to be above 0")
        self._store, self._clock = store, clock
        # Threads of its own: while a KEK is away, they wait.
        self._threads = ThreadPoolExecutor(_THREADS, "trestle-keys")
        self._lock = threading.RLock()  # held for no longer than it takes to look
        self._flights: dict[Any, list[Any]] = {}
        self._age = 0  # how often the store was made anew
        self._synced = False  # it was read to its end since
        self._read = False  # it was read to its end, ever
        self._known: dict[UUID, _ClassKey] = {}
        self._newest: dict[str, _ClassKey] = {}
        self._persons: dict[UUID, _PersonKey] = {}
        self._tagged: dict[tuple[UUID, bytes], list[_PersonKey]] = {}
        self._strange: dict[UUID, str] = {}
        self._replace: dict[str, float] = {}
        self._opened: _Recent[UUID, DataKey] = _Recent(_OPENED)
        self._subjects: _Recent[tuple[str, str], tuple[_PersonKey, DataKey]] = _Recent(_OPENED)
        store.follow(self._take, self._restarted)

    def __repr__(self) -> str:
        return f"Keys(classes={sorted(self._classes)})"

    # What generated packages ask.

    def current(self, key_class: str, subject: str = "") -> DataKey:
        """The key to encrypt with, of a class or, where a data subject is named, of that person; it is made where there is none, and
        kept durably before it is returned. The key of a class serves for the class's period: then it has a successor, and so have
        those of its persons. While the store or the KEK is away, a key is used beyond its period."""
        return self._current(key_class, subject, False)

    def find(self, key_id: UUID) -> DataKey | str:
        """The key of an id, to decrypt with, once the store was read to its end, or why it can't be had: one of `errors.REASONS`. Where
        the id is not known, the store is read to its present end before that is said. What a KEK refuses is asked again after a
        minute."""
        try:
            return self.by_id(key_id)
        except KeyUnavailableError as e:
            return e.reason

    def by_id(self, key_id: UUID) -> DataKey:
        """The key of an id, to decrypt with. A KeyUnavailableError says why it can't be had."""
        found = self._look(key_id)
        if found is None or not self._read:  # what was destroyed is known at the end alone
            _beside_loops(key_id)
            self._sync()
            found = self._look(key_id)
        if isinstance(found, _PersonKey):
            return self._open_person(found)
        if found is not None:
            return self._open(found, key_id).key
        with self._lock:
            said, person = self._strange.get(key_id, ""), self._persons.get(key_id)
        if said:
            raise KeyUnavailableError("broken", "", key_id, said)
        if person is not None:
            said = f"it is wrapped with key {person.parent.id}, and no such key is kept"
        raise KeyUnavailableError("unknown_key", "", key_id, said)

    # What programs await.

    async def seal(self, event: Any, *, patience: float = 30.0, **options: Any) -> Any:
        """The record of an event, `event.to_record(**options)`, encrypted with the keys of the present, which are made where there
        are none. A KeysAwayError says that they can't be had for so many seconds."""
        return await self._patiently(lambda keys: event.to_record(keys=keys, **options), patience)

    async def open(
        self, parse: Callable[..., T], value: bytes, headers: Iterable[tuple[str, Any]] = (), **options: Any
    ) -> T:
        """What is in a record: `parse_record(value, headers, **options)`, parse being that of the generated package. It waits while
        keys are away, for as long as that takes."""
        headers = list(headers)
        return await self._patiently(lambda keys: parse(value, headers, keys=keys, **options), None)

    async def _patiently(self, call: Callable[[_View], T], patience: float | None) -> T:
        """Calls with keys, and has those that take time looked for beside the event loop."""
        view = _View(self)
        deadline = None if patience is None else time.monotonic() + patience
        pause = 0.1
        while True:
            try:
                return call(view)
            except WouldBlockError as e:
                what = e.what
            try:
                loop = asyncio.get_running_loop()
                if isinstance(what, UUID):
                    view.found[what] = await loop.run_in_executor(self._threads, self.find, what)
                else:
                    view.sealing[what] = await loop.run_in_executor(self._threads, self.current, *what)
                continue
            except KeysAwayError as e:
                if deadline is not None and time.monotonic() + pause > deadline:
                    raise
                _log.warning("keys are away, and asked again: %s", e)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    # Encrypting.

    def _current(self, key_class: str, subject: str, strict: bool) -> DataKey:
        of = self._classes.get(key_class)
        if of is None:
            raise KeyUnavailableError("no_kek", key_class)
        what = (key_class, subject)
        while True:
            key = self._current_of(key_class, of, what, strict)
            try:
                secrets = self._open(key, what)
                return self._of_person(key, secrets, what) if subject else secrets.key
            except KeyUnavailableError:
                if not key.destroyed:  # by somebody since it was looked for
                    raise

    def _current_of(self, key_class: str, of: KeyClass, what: tuple[str, str], strict: bool) -> _ClassKey:
        """The key that a class's fields, or its persons' keys, are encrypted with."""
        now = self._clock()
        with self._lock:
            usable = self._usable(key_class, of, now)
            old = self._newest.get(key_class)
            if not self._synced or old is not None and _is_spent(old):
                old = None
            later = now < self._replace.get(key_class, 0)
        if usable is not None:
            return usable
        if old is not None and (later or not strict and _in_loop()):
            return old
        _beside_loops(what)
        try:
            return self._make(key_class, of)
        except KeysAwayError as e:
            if old is None:
                raise
            with self._lock:
                self._replace[key_class] = now + _REPLACE_AGAIN
            _log.warning(
                "key %s of class %s is used beyond its period: no new one could be made: %s", old.id, key_class, e
            )
            return old

    def _usable(self, key_class: str, of: KeyClass, now: float) -> _ClassKey | None:
        """The newest key of a class, if it is to be used on."""
        key = self._newest.get(key_class)
        if not self._synced or key is None or _is_spent(key):
            return None
        return key if now - key.created / 1e6 < of.period.total_seconds() else None

    def _make(self, key_class: str, of: KeyClass) -> _ClassKey:
        """A key that is its class's newest."""
        with self._flight(key_class):
            self._sync()
            with self._lock:
                usable = self._usable(key_class, of, self._clock())
            if usable is not None:
                return usable
            key_id, secret = uuid4(), os.urandom(SECRET_SIZE)
            secrets = Secrets(key_id, secret)
            name, wrapped = _asked(key_class, key_id, lambda: of.kek.wrap(secret, context_of(key_class, key_id)))
            with self._lock:
                newest = self._newest.get(key_class)
                created = max(
                    int(self._clock() * 1e6), newest.created + 1 if newest else 0
                )  # a clock may be behind another
            made = _ClassKey(key_id)
            made.secrets = secrets  # before others see it, who would ask the KEK for what is at hand
            with self._lock:
                self._known[key_id] = made
            try:
                self._append(Entry(key_id, key_class, created, kek=name, wrapped=wrapped))
            finally:
                with self._lock:
                    if not made.key_class:  # it was not kept
                        del self._known[key_id]
            return made

    def _append(self, entry: Entry) -> None:
        """Keeps a new key, and takes it in."""
        key, value = entry.record
        _away(f"keep {named(entry.key_class, entry.id)}", lambda: self._store.append(key, value))
        with self._lock:
            self._apply(entry)

    def _of_person(self, parent: _ClassKey, secrets: Secrets, what: tuple[str, str]) -> DataKey:
        with self._lock:
            kept = self._subjects.get(what)
            if kept is not None and kept[0].parent is parent and self._is_live(kept[0]) and not kept[1].is_spent:
                return kept[1]
            self._subjects.drop(what)
        tag = secrets.tag(what[1])
        found = self._find_person(parent, tag)
        if found is None:
            _beside_loops(what)
            with self._flight(what):
                found = self._find_person(parent, tag)
                if found is None:
                    self._sync()
                    if parent.age != self._age:
                        raise KeysAwayError(
                            f"{named(parent.key_class, parent.id)}: the topic of keys was made anew meanwhile"
                        )
                    found = self._find_person(parent, tag) or self._make_person(parent, secrets, tag)
        with self._lock:
            self._subjects.put(what, found)
        return found[1]

    def _is_live(self, person: _PersonKey) -> bool:
        """Whether a person's key may be encrypted with."""
        return not person.why and person.age == self._age and not person.parent.destroyed

    def _find_person(self, parent: _ClassKey, tag: bytes) -> tuple[_PersonKey, DataKey] | None:
        """The newest key of a person under a key of the class."""
        with self._lock:
            live = [p for p in self._tagged.get((parent.id, tag), ()) if self._is_live(p)]
            newest = max(live, key=lambda p: p.created, default=None)
        if newest is None:
            return None
        key = self._open_person(newest)
        return None if key.is_spent else (newest, key)

    def _make_person(self, parent: _ClassKey, secrets: Secrets, tag: bytes) -> tuple[_PersonKey, DataKey]:
        key_id, secret = uuid4(), os.urandom(SECRET_SIZE)
        key, wrapped = DataKey(key_id, secret), secrets.wrap(parent.key_class, key_id, secret)
        created = int(self._clock() * 1e6)
        self._append(Entry(key_id, parent.key_class, created, parent=parent.id, person=tag, wrapped=wrapped))
        with self._lock:
            person = self._persons[key_id]
            if not person.why:
                self._opened.put(key_id, key)
            return person, key

    # Decrypting.

    def _look(self, key_id: UUID) -> _ClassKey | _PersonKey | None:
        """What is known of an id: nothing of a person's key before its parent is."""
        with self._lock:
            key = self._known.get(key_id)
            if key is not None and key.key_class:
                return key
            person = self._persons.get(key_id)
            return person if person is not None and person.parent.key_class else None

    def _open(self, key: _ClassKey, what: tuple[str, str] | UUID) -> Secrets:
        """The secrets of a class's key."""
        with self._lock:
            self._refuse_gone(key)
            if key.secrets is not None:
                return key.secrets
        _beside_loops(what)
        with self._flight(key.id):
            with self._lock:
                self._refuse_gone(key)
                if key.secrets is not None:
                    return key.secrets
                name, wrapped, kek = key.kek, key.wrapped, self._classes[key.key_class].kek
            context = context_of(key.key_class, key.id)
            try:
                secret = _asked(key.key_class, key.id, lambda: kek.unwrap(name, wrapped, context))
                if len(secret) != SECRET_SIZE:
                    raise KeyUnavailableError("broken", key.key_class, key.id)
            except KeyUnavailableError as e:
                with self._lock:
                    key.refused, key.until = e.reason, self._clock() + _REFUSED_FOR
                raise
            secrets = Secrets(key.id, secret)
            with self._lock:
                self._refuse_gone(key)
                key.secrets = secrets
            return secrets

    def _refuse_gone(self, key: _ClassKey) -> None:
        """Raises why a class's key can't be opened, as far as that is known."""
        if not key.key_class:
            raise KeyUnavailableError("unknown_key", "", key.id)
        if key.destroyed:
            raise KeyUnavailableError("destroyed", key.key_class, key.id)
        if key.key_class not in self._classes:
            raise KeyUnavailableError("no_kek", key.key_class, key.id)
        if key.secrets is None and key.refused and self._clock() < key.until:
            raise KeyUnavailableError(key.refused, key.key_class, key.id)

    def _open_person(self, person: _PersonKey) -> DataKey:
        _refuse_gone(person)
        try:
            secrets = self._open(person.parent, person.id)
        except KeyUnavailableError as e:
            said = f"it is wrapped with {e}"
            raise KeyUnavailableError(e.reason, e.key_class, person.id, said) from None
        with self._lock:
            _refuse_gone(person)
            key = self._opened.get(person.id)
            if key is None:
                key = secrets.unwrap(person.parent.key_class, person.id, person.wrapped)
                self._opened.put(person.id, key)
            return key

    # Following the store.

    def _sync(self) -> None:
        """Reads the store to its present end."""
        with self._lock:
            age = self._age
        _away("read the topic of keys", self._store.sync)
        with self._lock:
            self._synced = self._synced or self._age == age
            self._read = True

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        said = ""
        try:
            entry = parse_entry(key, value)
            with self._lock:
                self._strange.pop(entry.id, None)
                self._apply(entry)
            return
        except EntryError as e:
            said = str(e)
        shown = (key or b"").decode("ascii", "replace")
        _log.warning("the entry of key %.36s can't be read: %s", shown, said)
        try:
            key_id = UUID(shown)
        except ValueError:
            return
        with self._lock:
            self._strange[key_id] = said

    def _restarted(self) -> None:
        """What was read can be decrypted with on, but not encrypted: nobody else may have it any more."""
        with self._lock:
            self._age += 1
            self._synced = False
            self._newest.clear()
            self._tagged.clear()
        _log.warning("the topic of keys was made anew, or has lost records, and is read again")

    def _apply(self, entry: Entry) -> None:
        """Takes an entry in. What was destroyed stays destroyed."""
        if entry.parent is not None:
            self._apply_person(entry, entry.parent)
            return
        if entry.id in self._persons:
            raise _other()
        key = self._known.setdefault(entry.id, _ClassKey(entry.id))
        if key.key_class and key.key_class != entry.key_class:
            raise _other()
        if not key.key_class:
            key.key_class, key.created = entry.key_class, entry.created
        key.age = self._age
        if key.destroyed:
            return
        if entry.destroyed is not None:
            key.destroyed, key.wrapped, key.secrets = True, b"", None
            if self._newest.get(key.key_class) is key:
                del self._newest[key.key_class]
                for other in self._known.values():
                    self._rank(other)
            return
        key.kek, key.wrapped, key.refused = entry.kek, entry.wrapped, ""  # maybe with another key of the KEK now
        self._rank(key)

    def _rank(self, key: _ClassKey) -> None:
        """Has a key be the newest of its class, if it is."""
        if not key.key_class or key.destroyed or key.age != self._age:
            return
        newest = self._newest.get(key.key_class)
        if newest is None or (key.created, str(key.id)) > (newest.created, str(newest.id)):
            self._newest[key.key_class] = key

    def _apply_person(self, entry: Entry, parent_id: UUID) -> None:
        if parent_id == entry.id or entry.id in self._known or parent_id in self._persons:
            raise _other()
        parent = self._known.setdefault(
            parent_id, _ClassKey(parent_id)
        )  # whose entry stands behind, when it was wrapped anew
        person = self._persons.setdefault(entry.id, _PersonKey(entry, parent))
        if person.parent is not parent or person.tag != entry.person:
            raise _other()
        if not person.why and entry.destroyed is None:
            person.wrapped = entry.wrapped
        elif not person.why:
            person.why, person.wrapped = "erased" if entry.why == "erase" else "destroyed", b""
            self._opened.drop(person.id)
        if person.age != self._age:
            person.age = self._age
            self._tagged.setdefault((parent_id, person.tag), []).append(person)

    @contextmanager
    def _flight(self, what: Any) -> Iterator[None]:
        """Has one thread at a time do something that takes time."""
        with self._lock:
            flight = self._flights.setdefault(what, [threading.Lock(), 0])
            flight[1] += 1
        try:
            with flight[0]:
                yield
        finally:
            with self._lock:
                flight[1] -= 1
                if not flight[1]:
                    del self._flights[what]


class _View:
    """Keys as one event sees them, with what was looked for beside the event loop."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.found: dict[UUID, DataKey | str] = {}
        self.sealing: dict[tuple[str, str], DataKey] = {}

    def current(self, key_class: str, subject: str) -> DataKey:
        return self.sealing.get((key_class, subject)) or self._keys._current(key_class, subject, True)

    def find(self, key_id: UUID) -> DataKey | str:
        return self.found.get(key_id) or self._keys.find(key_id)


def _other() -> EntryError:
    return EntryError("an entry of that key came before, of another class or parent")


def _is_spent(key: _ClassKey) -> bool:
    return key.secrets is not None and key.secrets.key.is_spent


def _refuse_gone(person: _PersonKey) -> None:
    if person.why:
        raise KeyUnavailableError(person.why, person.parent.key_class, person.id)


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _beside_loops(what: tuple[str, str] | UUID) -> None:
    """Refuses to go on with what takes time where an event loop would wait for it."""
    if _in_loop():
        raise WouldBlockError(what)


def _away(what: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except KeysAwayError:
        raise
    except Exception as e:
        raise KeysAwayError(f"{what}: {e}") from e


def _asked(key_class: str, key_id: UUID, ask: Callable[[], T]) -> T:
    """What a KEK answers about a key. Errors are without what it may have said of secrets."""
    try:
        return ask()
    except KEKRefusal as e:
        raise KeyUnavailableError(e.reason, key_class, key_id, str(e)) from None
    except Exception as e:
        raise KeysAwayError(f"{named(key_class, key_id)}: {e}") from e
