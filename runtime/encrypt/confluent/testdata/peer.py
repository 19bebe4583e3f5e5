"""Confluent's own serializers and deserializers with their encryption, asked line by line: a task as JSON on standard input, what came of it on standard output.

Arguments: the registry's address, the secret of the local KMS, and a file with a FileDescriptorSet of the messages.
"""

import base64
import hashlib
import hmac
import json
import sys
import types

try:
    import hkdf  # noqa: F401
except ImportError:
    # Confluent's local KMS derives its key with this package, of which there are no wheels: HKDF as RFC 5869 has it.
    def extract(salt, key, hash=hashlib.sha512):
        return hmac.new(salt or bytes(hash().digest_size), key, hash).digest()

    def expand(prk, info=b"", length=32, hash=hashlib.sha512):
        out, block = b"", b""
        while len(out) < length:
            block = hmac.new(prk, block + info + bytes([len(out) // hash().digest_size + 1]), hash).digest()
            out += block
        return out[:length]

    sys.modules["hkdf"] = types.ModuleType("hkdf")
    sys.modules["hkdf"].hkdf_extract, sys.modules["hkdf"].hkdf_expand = extract, expand

from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer, prefix_schema_id_serializer
from confluent_kafka.schema_registry.confluent import meta_pb2
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import EncryptionExecutor, FieldEncryptionExecutor
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

EncryptionExecutor.register()
FieldEncryptionExecutor.register()
LocalKmsDriver.register()
registry = SchemaRegistryClient({"url": sys.argv[1]})
rules = {"secret": sys.argv[2]}
pool = descriptor_pool.DescriptorPool()
with open(sys.argv[3], "rb") as f:
    files = {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file}
for needed in (descriptor_pb2.DESCRIPTOR, meta_pb2.DESCRIPTOR):
    pool.AddSerializedFile(needed.serialized_pb)
for name in files:
    if name != "confluent/meta.proto":
        pool.Add(files[name])


def message_class():
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("note.v1.Note"))


def read(task, ctx):
    value = base64.b64decode(task["value"])
    if task["protobuf"]:
        message = ProtobufDeserializer(message_class(), None, registry, rule_conf=rules)(value, ctx)
        return json_format.MessageToDict(message)
    return JSONDeserializer(None, schema_registry_client=registry, rule_conf=rules, conf={"validate": False})(value, ctx)


def write(task, ctx):
    conf = {
        "auto.register.schemas": False,
        "use.latest.version": True,
        "schema.id.serializer": header_schema_id_serializer if task["in_header"] else prefix_schema_id_serializer,
    }
    if task["protobuf"]:
        message = json_format.ParseDict(task["event"], message_class()())
        value = ProtobufSerializer(message_class(), registry, conf, rule_conf=rules)(message, ctx)
    else:
        latest = registry.get_latest_version(task["topic"] + "-value").schema
        value = JSONSerializer(latest, registry, conf={**conf, "validate": False}, rule_conf=rules)(task["event"], ctx)
    return {
        "value": base64.b64encode(value).decode(),
        "headers": {name: base64.b64encode(text).decode() for name, text in ctx.headers},
    }


for line in sys.stdin:
    task = json.loads(line)
    headers = [(name, base64.b64decode(text)) for name, text in task.get("headers", {}).items()]
    ctx = SerializationContext(task["topic"], MessageField.VALUE, headers)
    try:
        answer = {"answer": (read if task["do"] == "read" else write)(task, ctx)}
    except Exception as e:
        why = e
        while why.__cause__ is not None:
            why = why.__cause__
        answer = {"error": f"{type(e).__name__}: {e}: {why}"}
    print(json.dumps(answer), flush=True)
