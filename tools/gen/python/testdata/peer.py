"""The Python side of the tests: reads a request a line, and answers each with a line."""

from __future__ import annotations

import base64
import importlib
import json
import sys
from datetime import datetime, timezone

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
    holds = importlib.import_module(package.__name__ + "._support.formats").CHECKS[request["name"]]
    return [holds(text) for text in request["texts"]]


for line in sys.stdin:
    request = json.loads(line)
    result = {"construct": lambda _: construct(), "formats": formats, "read": read}[request["op"]](request)
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
