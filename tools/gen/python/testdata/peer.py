"""The Python side of the tests: reads a request a line, and answers each with a line."""

from __future__ import annotations

import base64
import importlib
import io
import json
import logging
import sys
from datetime import datetime, timedelta, timezone

from pydantic import ValidationError

package = importlib.import_module(sys.argv[1])

ID = "550e8400-e29b-41d4-a716-446655440000"


def answer(record) -> dict[str, object]:
    return {
        "topic": record.topic,
        "key": None if record.key is None else record.key.decode(),
        "value": base64.b64encode(record.value).decode(),
        "headers": [[name, value.decode()] for name, value in record.headers],
    }


def read(request: dict[str, str]) -> dict[str, object]:
    """Reads a record and writes it again."""
    headers = [("event-type", request["type"].encode()), ("event-id", request["id"].encode())]
    written = datetime.fromisoformat(request["timestamp"].replace("Z", "+00:00")).astimezone(timezone.utc)
    try:
        received = package.parse_record(
            base64.b64decode(request["value"]), headers, topic=request["topic"], timestamp=written
        )
    except package.RecordError as e:
        return {"error": f"{type(e).__name__}: {e}"}
    topic = None if received.event.EVENT.topic else request["topic"]
    return answer(received.event.to_record(envelope=received.envelope, topic=topic))


def construct() -> list[dict[str, object]]:
    """Events as application code makes them."""
    from omninode_events import Source
    from omninode_events.codegen.v1 import AnalysisType, CodegenAnalysisRequest, CodegenStatusEvent, SessionStatus
    from omninode_events.hooks.v1 import ServiceInfo, ServiceStarted, StartupInfo, StartupStep

    steps = [StartupStep(step="connect", duration_ms=250, status="success", details={"tries": 2**70, "rate": 0.5})]
    started = ServiceStarted(
        service_info=ServiceInfo(
            name="omniagent", version="1.2.3", type="agent", instance_id="a-1", host="h", port=8000,
            health_check_url="http://h", resources={"b": "2", "a": "1"},
        ),
        startup_info=StartupInfo(startup_time_ms=3500, initialization_steps=steps),
    )
    source = Source(service_name="omniagent", service_version="1.2.3", instance_id="a-1")
    request = CodegenAnalysisRequest(
        correlation_id=ID, session_id=ID, prd_content="# PRD \u00fc\U0001f600\n", analysis_type=AnalysisType.QUICK,
        workspace_context={"big": 123456789012345678901234567890, "float": 1.0, "at": datetime(2025, 1, 2, 3, 4, 5)},
    )
    status = CodegenStatusEvent(
        session_id=ID, status=SessionStatus.PROCESSING, progress_percentage=45, message="", timestamp="2025-10-16 12:34:57"
    )
    return [answer(started.to_record(source=source)), answer(request.to_record()), answer(status.to_record())]


def formats(request) -> list[bool]:
    """Which texts are of a format."""
    holds = importlib.import_module(package.__name__ + "._support." + request["module"]).CHECKS[request["name"]]
    return [holds(text) for text in request["texts"]]


MARKERS = ("MARKER", "7707707707", "TUFSS0VS")
LONG = "MARKER" * 8
PLANTED = [
    "MARKER", LONG, "TUFSS0VS", 7707707707, -7707707707.5, ["MARKER"], ["MARKER", "MARKER"], {"MARKER": "MARKER"},
    {"MARKER": 7707707707}, [["MARKER"]], {"MARKER": ["MARKER"]}, {"MARKER": {"MARKER": "MARKER"}}, [LONG], {LONG: "MARKER"},
    {"qMARKER": LONG}, [7707707707, "MARKER"], [{"MARKER": 1}], "7707707707s",
    {"door": "MARKER", "rooms": {"MARKER": {"MARKER": 1}}, "owners": {"MARKER": {"id": "MARKER", "name": "far too long"}}},
    {"door": LONG, "rooms": {"MARKER": {"key": "MARKER"}}}, [{"door": 7707707707}],
]
PERSON = [{"id": "MARKER"}, {"id": "MARKER", "name": "far too long"}, {"id": LONG, "name": 7}, {"id": 7707707707}, {"id": ["MARKER"]}]
HOLDERS = {
    "owner": PERSON, "person": PERSON, "payer": PERSON,
    "others": [[p] for p in PERSON], "persons": [[p] for p in PERSON],
    "by_role": [{"k": p} for p in PERSON], "persons_by_name": [{"k": p} for p in PERSON],
    "way": [{"kind": "card", "number": v} for v in PLANTED] + [{"kind": "club", "number": "MARKER"}, {"number": "MARKER"}],
    "ways": [[{"kind": "card", "number": v}] for v in PLANTED],
}


def written(value: object) -> list[str]:
    """What programs write of a value, an error say."""
    stream = io.StringIO()
    log = logging.Logger("said")
    log.addHandler(logging.StreamHandler(stream))
    log.error("%s %r", value, value)
    if isinstance(value, BaseException):
        log.error("it failed", exc_info=value)
    out = [str(value), repr(value), f"{value}", repr([value]), repr({"a": value}), stream.getvalue()]
    if isinstance(value, ValidationError):
        out += [json.dumps(value.errors(), default=str), value.json(), repr(value.errors())]
    if isinstance(value, package.InvalidEventError):
        out += [repr(value.faults)]
    return out


def secrets() -> dict[str, object]:
    """Reads, makes and changes events with markers in them, and says where one is shown."""
    shown: list[str] = []
    count = {True: 0, False: 0}
    for event in package.EVENTS:
        names = event._names()
        for name in names:
            values = PLANTED if name in event.SENSITIVE else HOLDERS.get(name, []) + (["MARKER", ["MARKER"]] if name in HOLDERS else [])
            for value in values:
                for identity in ("bad", "closed"):
                    given = {"id": identity, **({"text": "MARKER"} if "text" in names else {"iban": "MARKER"}), name: value}

                    def attempts(given=given, name=name, value=value):
                        yield lambda: event.from_json(json.dumps(given))
                        yield lambda: event(**given)
                        made = event(id="a")
                        yield lambda: setattr(made, names[name], value)
                        record = {
                            "event_id": ID, "event_type": event.EVENT.type, "timestamp": "2025-10-16T12:34:56Z", "correlation_id": ID,
                            "source": {"service_name": "a", "service_version": "1", "instance_id": "b"}, "payload": given,
                        }
                        yield lambda: package.parse_record(json.dumps(record).encode(), topic=event.EVENT.topic.name)

                    for attempt in attempts():
                        try:
                            made = attempt()
                            count[True] += 1
                        except (ValueError, package.RecordError) as e:
                            made = e
                            count[False] += 1
                        for text in written(made):
                            if any(m in text for m in MARKERS):
                                shown.append(f"{event.__name__} of {given}: {text}")
    return {"Valid": count[True], "Invalid": count[False], "Shown": shown[:20]}


def assign() -> list[str]:
    """What is wrong with how models take values that are assigned, and keywords."""
    from acme_events.known.v1 import Part, RulesKnown, TextsKnown, TimesKnown

    wrong: list[str] = []

    def refused(what: str, attempt, kind: type[Exception], words: str) -> None:
        try:
            attempt()
            wrong.append(f"{what} is taken")
        except kind as e:
            if words not in str(e):
                wrong.append(f"{what}: {e}")

    texts, rules, times = TextsKnown(email="a@b"), RulesKnown(low=1, high=2, part=Part(size=1)), TimesKnown()
    refused("a wrong text", lambda: setattr(texts, "email", "a"), ValidationError, "email")
    refused("a break of a rule of the message", lambda: setattr(rules, "low", 3), ValidationError, "low must not be above high")
    refused("a break of a rule of a part", lambda: setattr(rules.part, "size", 9), ValidationError, "must not be nine")
    refused("a wrong item", lambda: setattr(rules, "odd", [2]), ValidationError, "must be odd")
    refused("a second member of a oneof", lambda: TextsKnown(mail="a@b", name="a"), ValidationError, "only one of")
    refused("a misspelt keyword", lambda: TextsKnown(emial="a@b"), TypeError, "no field 'emial'; is it 'email'?")
    refused("a misspelt keyword of a part", lambda: RulesKnown(part=Part(sise=1)), TypeError, "sise")
    refused("a duration that is none", lambda: setattr(times, "timeout", "banana"), ValidationError, "duration")
    texts.email, rules.high, rules.part, times.timeout = "c@d", 4, Part(size=2), timedelta(seconds=1.5)
    if (texts.email, rules.low, rules.high, rules.part.size, times.timeout) != ("c@d", 1, 4, 2, "1.500s"):
        wrong.append(f"after all assignments: {texts!r} {rules!r} {times!r}")
    texts.email = None
    if texts.to_json() != TextsKnown().to_json() or TextsKnown.from_json('{"emial":1}').to_json() != texts.to_json():
        wrong.append(f"None is not absent: {texts.to_json()}")
    return wrong


for line in sys.stdin:
    request = json.loads(line)
    result = {"construct": lambda _: construct(), "assign": lambda _: assign(), "formats": formats, "read": read, "secrets": lambda _: secrets()}[request["op"]](request)
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
