package python

const pyproject = `
[build-system]
requires = ["hatchling>=1.21"]
build-backend = "hatchling.build"

[project]
name = "DISTRIBUTION"
version = "1.0.0"
description = "The events of the schemas as pydantic models, and the records that carry them."
readme = "README.md"
requires-python = "PYTHON-VERSIONS"
dependencies = DEPENDENCIES
classifiers = ["Typing :: Typed"]

[tool.hatch.build.targets.wheel]
packages = ["PACKAGE"]

[tool.mypy]
strict = true
MYPY
[tool.ruff]
line-length = 120
target-version = "py310" # what does not need the libraries runs there

[tool.ruff.format]
exclude = ["*.py"] # the generator has laid them out

[tool.ruff.lint]
ignore = ["TRY004"] # pydantic takes a ValueError for what is invalid, and nothing else
`

const readme = `
# DISTRIBUTION

The events of the schemas as pydantic v2 models, generated from the same files as the Go types. What one side accepts
and writes, the other accepts and reads.

~~~python
from PACKAGE import RecordError, parse_record
from MODULE import EVENT

# Publish: an event knows its topic, key and envelope. record is (topic, key, value, headers).
record = event.to_record()
await producer.send(record.topic, key=record.key, value=record.value, headers=record.headers)

# Consume: any record of any topic.
async for message in consumer:
    try:
        received = parse_record(message.value, message.headers, topic=message.topic)
    except RecordError as error:
        ...  # retrying cannot help: a dead letter
    else:
        handle(received.event, received.envelope)
~~~

- Constructing a model checks it, and so does assigning to a field; ` + "`checked`" + ` checks again what lists and dicts have
  become. What is absent is None or the schema's default; a required field has no default. A keyword that is no field is a
  TypeError, unless the schema keeps unknown fields.
- ` + "`to_json` and `from_json`" + ` write and read a model as it stands on the wire; ` + "`to_record` and `parse_record`" + ` do so with its
  envelope. Pydantic's own ` + "`model_dump_json`" + ` writes times and absent fields differently.
- UUIDs are ` + "`uuid.UUID`" + `, times ` + "`datetime`" + ` in UTC. Free-form objects are ` + "`dict[str, Any]`" + `: integers of any size are int,
  other numbers float, or Decimal where a float would change the number. They are written as the numbers they are.
- What a schema marks sensitive is in no repr, and no error has it or what was given beside it.
- What a schema has encrypted is written and read with keys, ` + "`to_record(keys=…)` and `parse_record(…, keys=…)`" + `, which Trestle's package
  trestle-runtime has (runtime/python). Without them such an event is not written (NoKeysError), and is read without these fields: they are None,
  ` + "`received.unavailable`" + ` says which and why, as where a key was destroyed, and ` + "`received.require(\"email\")`" + ` raises an UnavailableError for one.
- Unknown fields are passed over, or kept and written again where the schema says so.
- A name that occurs twice is an error where the schema declares it, in a map, and where unknown fields are kept. In
  free-form objects the last value stands.
- ` + "`PACKAGE.topics`, `PACKAGE.groups` and `PACKAGE.event_types`" + ` hold what the schemas declare beside the events.
`
