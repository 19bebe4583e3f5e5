"""Reads records and payloads a line, does with each what programs do, and answers with a line of all that they would write of it."""

from __future__ import annotations

import base64
import importlib
import io
import json
import logging
import pprint
import sys
import traceback

package = importlib.import_module(sys.argv[1])
events = {event.EVENT.type: event for event in package.EVENTS}


def written(value: object) -> list[str]:
    """What programs write of a value, an error say."""
    stream = io.StringIO()
    log = logging.Logger("said")
    log.addHandler(logging.StreamHandler(stream))
    log.error("%s %r", value, value)
    if isinstance(value, BaseException):
        log.error("it failed", exc_info=value)
        stream.write("".join(traceback.format_exception(value)))
    out = [str(value), repr(value), f"{value}", f"{value!r:>10}", repr([value]), repr({"a": value}), repr((value,)), pprint.pformat(value), stream.getvalue()]
    for how in ("errors", "json"):  # of pydantic's errors
        if isinstance(value, ValueError) and hasattr(value, how):
            try:
                out.append(str(getattr(value, how)()))
            except ValueError as e:  # json() knows no half of a character
                out += [str(e), traceback.format_exc()]
    if isinstance(value, BaseException):
        out.append(repr(value.args))
        out.append(repr(getattr(value, "faults", "")))
        if value.__cause__ is not None:
            out += written(value.__cause__)
    return out


def attempts(request: dict[str, str]):
    event = events[request["type"]]
    value = base64.b64decode(request["value"])
    headers = [(name, base64.b64decode(text)) for name, text in request["headers"]]
    yield lambda: package.parse_record(value, headers, topic=request["topic"])
    yield lambda: package.parse_record(value, (), topic=request["topic"])
    yield lambda: event.from_json(request["payload"])
    try:
        given = json.loads(request["payload"])
    except ValueError:
        return
    if not isinstance(given, dict):
        return
    yield lambda: event(**given)
    for name, member in given.items():
        if name in event._names():
            yield lambda name=name, member=member: setattr(event(id="a"), event._names()[name], member)


for line in sys.stdin:
    request = json.loads(line)
    said: list[str] = []
    done = failed = 0
    for attempt in attempts(request):
        try:
            made = attempt()
            done += 1
        except (ValueError, TypeError, package.RecordError) as e:
            made = e
            failed += 1
        said += written(made)
        if isinstance(made, package.Received):
            said += written(made.event) + written(made.envelope)
            made = made.event
        if isinstance(made, events[request["type"]]):
            said += written(made.__class__) + [repr(vars(type(made)).keys())]
            try:
                said += written(made.to_record(source=package.Source(service_name="a", service_version="1", instance_id="b")))
            except (ValueError, package.RecordError) as e:
                said += written(e)
    sys.stdout.write(json.dumps({"said": "\n".join(said), "done": done, "failed": failed}) + "\n")
    sys.stdout.flush()
