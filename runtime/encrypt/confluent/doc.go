// Package confluent reads and writes what Confluent's clients encrypt by the rules of a schema: their client-side field level encryption (CSFLE), with the data keys of a
// Schema Registry's DEK Registry.
//
//	client, err := registry.New("https://registry.example")
//	cipher, err := confluent.New(client, map[string]encrypt.KEK{"aws-kms": kms})
//	consumer, err := trestle.NewConsumer(brokers, group, trestle.WithRecordCipher(cipher))
//
// How that encryption is done was taken from Confluent's client for Python, version 2.16, and is tried against it. Files are those of
// https://github.com/confluentinc/confluent-kafka-python/tree/8b1c7a613434eee3d0e1287d624d7af04932f410/src/confluent_kafka/schema_registry, and, where their names end in
// .java, of https://github.com/confluentinc/schema-registry/tree/794611bd86d1ce0422581269e2b13a2ab010c7fb.
//
//   - A schema has a ruleSet, whose domainRules of the type ENCRYPT name tags. What has such a tag is encrypted: strings, and bytes of protobuf. Tags stand in the schema
//     (`confluent:tags` beside a property's own keywords in JSON Schema, the option confluent.field_meta in protobuf) or, by paths, in the schema's metadata. Rules are those of
//     the version that a value was written with (common/serde.py, common/json_schema.py, common/protobuf.py). A rule of encodingRules of the type ENCRYPT_PAYLOAD encrypts
//     the whole value.
//   - The parameters of a rule, or else properties of the metadata, name a key encryption key (encrypt.kek.name), where it is, to make it with (encrypt.kms.type,
//     encrypt.kms.key.id), the algorithm (encrypt.dek.algorithm: AES128_GCM, AES256_GCM, which is the default, AES256_SIV) and after how many days a new data key is made
//     (encrypt.dek.expiry.days) (rules/encryption/encrypt_executor.py).
//   - A KEK, a subject, an algorithm and a version have one data key: that of Tink, as the message that Tink has for it, wrapped by the KMS without associated data, in base64
//     (rules/encryption/dek_registry/dek_registry_client.py; dek-registry/src/main/java/io/confluent/dekregistry/web/rest/resources/DekRegistryResource.java).
//   - What a key encrypts is what Tink makes of it without a prefix and without associated data: for AES-GCM a nonce of 12 bytes, the ciphertext and a tag of 16, for AES-SIV
//     the synthetic IV and the ciphertext. Where data keys expire, a zero byte and the key's version in 4 bytes, big-endian, stand in front. Strings become base64 with padding;
//     bytes stay bytes. Nothing binds a value to its field or its record.
//   - The KMS of the type local-kms is a secret: its key is HKDF-SHA256 of that, 16 bytes, without salt and info, for AES-GCM (rules/encryption/localkms/local_client.py).
package confluent
