"""Judges records by a generated Python package: reads a question a line, and answers each with a line."""

from __future__ import annotations

import base64
import importlib
import json
import sys
import traceback
from datetime import datetime, timezone

package = importlib.import_module(sys.argv[1])

NOW = datetime(2025, 10, 16, 12, 34, 56, tzinfo=timezone.utc)


def judge(kind: str, value: bytes) -> dict[str, str]:
    try:
        received = package.parse_record(value, [("event-type", kind.encode())], topic=kind, timestamp=NOW)
    except package.InvalidEventError as e:
        return {"Verdict": "invalid", "Why": str(e)}
    except package.RecordError as e:
        return {"Verdict": "unreadable", "Why": f"{type(e).__name__}: {e}"}
    except Exception:
        return {"Verdict": "failed", "Why": traceback.format_exc()}
    try:
        return {"Verdict": "valid", "Text": base64.b64encode(received.event.to_json().encode()).decode()}
    except Exception:
        return {"Verdict": "failed", "Why": "what was read cannot be written: " + traceback.format_exc()}


for line in sys.stdin:
    question = json.loads(line)
    answers = [judge(question["Type"], base64.b64decode(value)) for value in question["JSON"] or []]
    sys.stdout.write(json.dumps({"Answers": answers}) + "\n")
    sys.stdout.flush()
