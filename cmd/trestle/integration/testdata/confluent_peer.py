"""Confluent's own serializers and deserializers, asked line by line: a task as JSON on standard input, what came of it on standard output.

Arguments: the registry's address, and a file with a FileDescriptorSet of the messages.
"""

import base64
import json
import sys

from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer, prefix_schema_id_serializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


def pool_of(path):
    with open(path, "rb") as f:
        files = {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file}
    pool, done = descriptor_pool.DescriptorPool(), set()

    def add(name):
        if name in done:
            return
        done.add(name)
        for other in files[name].dependency:
            add(other)
        pool.Add(files[name])

    for name in files:
        add(name)
    return pool


def read(task, headers, ctx):
    value = base64.b64decode(task["value"])
    if task["language"] == "JSON":
        return JSONDeserializer(None, schema_registry_client=registry)(value, ctx)
    message = ProtobufDeserializer(message_class(task), None, registry)(value, ctx)
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def write(task, headers, ctx):
    conf = {
        "auto.register.schemas": task["register"],
        "use.latest.version": not task["register"],
        "subject.name.strategy": lambda ctx, name: task["subject"],
        "schema.id.serializer": header_schema_id_serializer if task["in_header"] else prefix_schema_id_serializer,
    }
    if task["language"] == "JSON":
        latest = registry.get_latest_version(task["declared"]).schema
        value = JSONSerializer(latest, registry, conf=conf)(task["event"], ctx)
    else:
        message = json_format.ParseDict(task["event"], message_class(task)())
        value = ProtobufSerializer(message_class(task), registry, conf)(message, ctx)
    return {
        "value": base64.b64encode(value).decode(),
        "headers": {name: base64.b64encode(text).decode() for name, text in headers},
    }


def message_class(task):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(task["message"]))


registry = SchemaRegistryClient({"url": sys.argv[1]})
pool = pool_of(sys.argv[2])
for line in sys.stdin:
    task = json.loads(line)
    headers = [(name, base64.b64decode(text)) for name, text in task.get("headers", {}).items()]
    ctx = SerializationContext(task["topic"], MessageField.VALUE, headers)
    try:
        answer = {"answer": (read if task["do"] == "read" else write)(task, headers, ctx)}
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
