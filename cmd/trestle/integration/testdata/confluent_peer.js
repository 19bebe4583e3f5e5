// Confluent's own serializers and deserializers, asked line by line: a task as JSON on standard input, what came of it on standard output.
// Arguments: the folder of the npm packages, the registry's address, and a file with a FileDescriptorSet of the messages.

const [, , packages, address, descriptors] = process.argv;
const load = require("module").createRequire(packages + "/node_modules/");
const sr = load("@confluentinc/schemaregistry");
const { createFileRegistry, fromBinary, fromJson, toJson } = load("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = load("@bufbuild/protobuf/wkt");

const registry = new sr.SchemaRegistryClient({ baseURLs: [address], cacheCapacity: 100 });
const messages = createFileRegistry(fromBinary(FileDescriptorSetSchema, require("fs").readFileSync(descriptors)));

async function read(task, headers) {
  const value = Buffer.from(task.value, "base64");
  if (task.language === "JSON") {
    return await new sr.JsonDeserializer(registry, sr.SerdeType.VALUE, { validate: true, validateFormats: false, strict: false }).deserialize(task.topic, value, headers);
  }
  const message = await new sr.ProtobufDeserializer(registry, sr.SerdeType.VALUE, {}).deserialize(task.topic, value, headers);
  if (message.$typeName !== task.message) {
    throw new Error(`it is a ${message.$typeName}`);
  }
  return toJson(messages.getMessage(task.message), message, { registry: messages, useProtoFieldName: true });
}

async function write(task, headers) {
  const conf = {
    autoRegisterSchemas: task.register,
    useLatestVersion: !task.register,
    subjectNameStrategy: () => task.subject,
    schemaIdSerializer: task.in_header ? sr.HeaderSchemaIdSerializer : sr.PrefixSchemaIdSerializer,
    validateFormats: false,
    strict: false,
  };
  let value;
  if (task.language === "JSON") {
    value = await new sr.JsonSerializer(registry, sr.SerdeType.VALUE, conf).serialize(task.topic, task.event, headers);
  } else {
    const message = fromJson(messages.getMessage(task.message), task.event, { registry: messages });
    value = await new sr.ProtobufSerializer(registry, sr.SerdeType.VALUE, { ...conf, registry: messages }).serialize(task.topic, message, headers);
  }
  return {
    value: value.toString("base64"),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text).toString("base64")])),
  };
}

async function main() {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    const task = JSON.parse(line);
    const headers = Object.fromEntries(Object.entries(task.headers ?? {}).map(([name, text]) => [name, Buffer.from(text, "base64")]));
    let said;
    try {
      said = { answer: await (task.do === "read" ? read : write)(task, headers) };
    } catch (e) {
      said = { error: e.stack };
    }
    console.log(JSON.stringify(said));
  }
}

main();
