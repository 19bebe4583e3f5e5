"""The Python side of the tests of encrypted fields: reads a batch of records a line, and answers each with a line."""

from __future__ import annotations

import base64
import importlib
import json
import logging
import re
import sys

from trestle_runtime.encryption import FileKEK, Keys, MemoryStore

SEALED = re.compile(rb'"trs:[A-Za-z0-9_-]{40,}"')

package = importlib.import_module(sys.argv[1])
logging.basicConfig(stream=sys.stderr)

store = MemoryStore()
keys = Keys({name: FileKEK(path) for name, path in (word.split("=") for word in sys.argv[2:])}, store)


def take(entries: list[list[str]]) -> None:
    """Takes in what Go has kept."""
    for key, value in entries:
        store.append(key.encode(), value.encode())


def shown(value: object) -> list[str]:
    """What programs write of a value."""
    out = [str(value), repr(value), f"{value!s:>1}", repr([value]), repr({"a": value})]
    if isinstance(value, BaseException):
        logging.error("it failed", exc_info=value)
        error: BaseException | None = value
        while error is not None:
            out += [repr(error), str(error), repr(vars(error)), repr(getattr(error, "args", None)), repr(getattr(error, "object", None))]
            error = error.__context__
    else:
        logging.warning("%s %r", value, value)
    return out


def tampered(value: bytes) -> bytes:
    """The record with the first sealed value changed, in its last character but two."""
    end = SEALED.search(value).end() - 4
    return value[:end] + (b"A" if value[end : end + 1] != b"A" else b"B") + value[end + 1 :]


def described(unavailable) -> list[list[str]]:
    return [[u.path, str(u.key_id), u.reason] for u in unavailable]


def read(request) -> dict[str, object]:
    """Reads a record with keys, and writes it again; with probe also without keys, without the right to write, and changed."""
    value, headers = base64.b64decode(request["value"]), [(name, v.encode()) for name, v in request["headers"]]
    try:
        received = package.parse_record(value, headers, topic=request["topic"], keys=keys)
    except package.RecordError as e:
        return {"error": f"{type(e).__name__}: {e}", "shown": shown(e)}
    answer: dict[str, object] = {
        "plain": received.event.to_json(), "unavailable": described(received.unavailable), "unsealed": received.unsealed, "shown": [],
    }
    said: list[str] = []
    for path, *_ in answer["unavailable"]:
        try:
            received.require(path)
            answer["error"] = f"{path} is not required in vain"
        except package.UnavailableError as e:
            said += shown(e)
    try:
        record = received.event.to_record(envelope=received.envelope, keys=keys)
        answer["again"] = base64.b64encode(record.value).decode()
        answer["key"] = (record.key or b"").decode()
        answer["headers"] = [[name, v.decode()] for name, v in record.headers]
    except package.UnavailableError as e:
        said += shown(e)
        if not received.unavailable:
            answer["error"] = "a field is unavailable that was read"
    if request["probe"]:
        said += shown(received) + shown(received.event) + shown(received.event.EVENT) + [repr(received.event.__dict__.get("(partial)"))]
        without = package.parse_record(value, headers, topic=request["topic"])
        answer["without"] = described(without.unavailable)
        said += shown(without) + shown(without.event)
        try:
            received.event.to_record(envelope=received.envelope)
            answer["error"] = "it was written without keys"
        except (package.NoKeysError, package.UnavailableError) as e:
            said += shown(e)
        if SEALED.search(value) and not received.unavailable:
            try:
                package.parse_record(tampered(value), headers, topic=request["topic"], keys=keys)
                answer["error"] = "what was changed is read"
            except package.InvalidEventError as e:
                answer["tampered"] = [[f.path, f.message] for f in e.faults]
                said += shown(e) + [repr(e.faults)]
        answer["shown"] = said
    return answer


for line in sys.stdin:
    request = json.loads(line)
    take(request["entries"])
    before = len(store.records)
    results = [read(one) for one in request["records"]]
    entries = [[key.decode(), value.decode()] for key, value in store.records[before:]]
    sys.stdout.write(json.dumps({"entries": entries, "results": results}) + "\n")
    sys.stdout.flush()
