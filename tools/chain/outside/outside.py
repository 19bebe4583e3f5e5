"""Judges by libraries that others wrote: reads a question a line, and answers each with a line."""

from __future__ import annotations

import base64
import decimal
import json
import re
import sys
import traceback
from decimal import Decimal

import jsonschema
import jsonschema_rs
import protovalidate
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

decimal.setcontext(decimal.Context(prec=4000, Emax=999999, Emin=-999999))
sys.set_int_max_str_digits(0)

# --- python-jsonschema ------------------------------------------------------------------------------------------------

APPLIES = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "array": (
        "items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems",
    ),
    "object": (
        "properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties",
        "dependentRequired", "dependentSchemas", "unevaluatedProperties",
    ),
}
TYPE_OF = {keyword: kind for kind, keywords in APPLIES.items() for keyword in keywords}

met: dict[str, int] = {}


def name_of(keyword: str, value: object) -> str:
    return f"format {value}" if keyword == "format" else keyword


def counted(keyword: str, check):
    """A keyword's check that notes that a value met it, and whether the value kept it."""

    def run(validator, value, instance, schema):
        errors = list(check(validator, value, instance, schema) or ())
        kind = TYPE_OF.get(keyword)
        if kind is None or validator.is_type(instance, kind):
            name = name_of(keyword, value)
            met[name] = met.get(name, 0) | (2 if errors else 1)
            if keyword == "contains":
                for beside in ("minContains", "maxContains"):
                    if beside in schema:
                        met[beside] = met.get(beside, 0) | (2 if errors else 1)
        yield from errors

    return run


def is_integer(_, instance) -> bool:
    if isinstance(instance, bool):
        return False
    if isinstance(instance, Decimal):
        return instance == instance.to_integral_value()
    return isinstance(instance, int)


class Formats(jsonschema.FormatChecker):
    """The formats, of which a text is none where the library fails at it."""

    def check(self, instance, format):
        try:
            super().check(instance, format)
        except jsonschema.exceptions.FormatError:
            raise
        except Exception as e:  # fqdn, at an empty text
            raise jsonschema.exceptions.FormatError(f"{instance!r} is not a {format!r}", cause=e) from e


# Numbers are read exactly, so that what is compared is what stands in the text.
base_validator = jsonschema.Draft202012Validator
Validator = jsonschema.validators.extend(
    base_validator,
    {keyword: counted(keyword, check) for keyword, check in base_validator.VALIDATORS.items()},
    type_checker=base_validator.TYPE_CHECKER.redefine("integer", is_integer),
)


formats = Formats(formats=())
formats.checkers = base_validator.FORMAT_CHECKER.checkers


class NotJSON(ValueError):
    pass


def constant(name: str):
    raise NotJSON(name)


def members(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotJSON("a name is there twice")
    return value


def read(data: bytes):
    """A text as I-JSON (RFC 7493) has it, but for the range of numbers."""
    text = data.decode("utf-8")
    value = json.loads(text, parse_float=Decimal, parse_constant=constant, object_pairs_hook=members)
    if re.search(r"\\u[dD][89a-fA-F]", text):
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    return value


def leaves(error, found, depth=0):
    found.append(
        {
            "Keyword": name_of(error.validator, error.validator_value),
            "Path": [str(step) for step in error.absolute_path],
            "Inside": depth > 0,
            "Message": error.message[:200],
        }
    )
    for inner in error.context or ():
        leaves(inner, found, depth + 1)


def by_json_schema(question):
    schema = json.loads(base64.b64decode(question["Schema"]), parse_float=Decimal)
    validator = Validator(schema, format_checker=formats)
    answers = []
    for encoded in question["Values"]:
        met.clear()
        try:
            value = read(base64.b64decode(encoded or ""))
        except (ValueError, RecursionError) as e:
            answers.append({"Verdict": "unreadable", "Why": str(e)})
            continue
        try:
            errors = []
            for error in validator.iter_errors(value):
                leaves(error, errors)
        except RecursionError:
            answers.append({"Verdict": "unreadable", "Why": "nested too deeply"})
            continue
        except Exception:
            answers.append({"Verdict": "failed", "Why": traceback.format_exc()})
            continue
        why = "; ".join(f"/{'/'.join(e['Path'])}: {e['Message']} [{e['Keyword']}]" for e in errors[:4])
        kept = sorted(k for k, v in met.items() if v & 1)
        answers.append(
            {
                "Verdict": "invalid" if errors else "valid", "Why": why, "Errors": errors[:50], "Kept": kept,
                "Broken": sorted(k for k, v in met.items() if v & 2),
            }
        )
    return {"Answers": answers}


# --- protovalidate ----------------------------------------------------------------------------------------------------

pool = descriptor_pool.DescriptorPool()
rules = protovalidate.Validator()


def declare(question):
    global pool, rules
    pool, rules = descriptor_pool.DescriptorPool(), protovalidate.Validator()
    for file in descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(question["Files"])).file:
        pool.AddSerializedFile(file.SerializeToString())
    return {}


def by_protovalidate(question):
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(question["Message"]))
    answers = []
    for encoded in question["Values"]:
        try:
            value = message.FromString(base64.b64decode(encoded or ""))
            if not value.IsInitialized():
                raise DecodeError("a required field is missing")
        except DecodeError as e:
            answers.append({"Verdict": "unreadable", "Why": str(e)})
            continue
        try:
            broken = rules.collect_violations(value)
        except Exception as e:
            answers.append({"Verdict": "failed", "Why": f"{type(e).__name__}: {e}"})
            continue
        why = "; ".join(f"{v.proto.message} [{v.proto.rule_id}]" for v in broken)
        answers.append({"Verdict": "invalid" if broken else "valid", "Why": why})
    return {"Answers": answers}


# --- jsonschema-rs ----------------------------------------------------------------------------------------------------


def covers(question):
    answers = []
    for wide, narrow in question["Pairs"]:
        try:
            a = jsonschema_rs.canonicalize(json.loads(wide))
            b = jsonschema_rs.canonicalize(json.loads(narrow))
            answers.append(str(a.covers(b)).rsplit(".", 1)[-1].lower())
        except Exception as e:
            answers.append(f"failed: {e}")
    return {"Covers": answers}


OPERATIONS = {"jsonschema": by_json_schema, "declare": declare, "protovalidate": by_protovalidate, "covers": covers}

for line in sys.stdin:
    asked = json.loads(line)
    sys.stdout.write(json.dumps(OPERATIONS[asked["Op"]](asked)) + "\n")
    sys.stdout.flush()
