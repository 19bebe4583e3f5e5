package confluent

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/wire"
)

// Cipher decrypts and encrypts the values of records by the rules of their schemas. It may be used from many goroutines. What it has read of a registry it keeps: the newest
// version of a subject for five minutes, versions and keys for good, so that a key which is withdrawn can be used until the program ends.
type Cipher struct {
	client  *registry.Client
	keys    *keys
	topics  []string
	subject func(rec *event.Record) string

	mu        sync.Mutex
	contracts map[schemaKey]knownContract
}

// Option configures a [Cipher].
type Option func(*Cipher)

// WithTopics has the records of these topics alone, by the names that they have on the cluster, decrypted and encrypted: others stay as they are, and nobody is asked about their schemas. Default: all topics.
func WithTopics(topics ...string) Option {
	return func(c *Cipher) { c.topics = topics }
}

// WithSubject sets which subject has a record's schema and data keys, overriding the default of `<topic>-value`. Whoever writes and reads must agree on it.
func WithSubject(subject func(rec *event.Record) string) Option {
	return func(c *Cipher) { c.subject = subject }
}

// New returns a cipher with the schemas and data keys of a registry. What unwraps the data keys is found in kms by the type of the KMS and the name of its key,
// `aws-kms://arn:…`, or else by the type alone. New contacts nothing, and fails without a client or with an option that is nil.
func New(client *registry.Client, kms map[string]encrypt.KEK, opts ...Option) (*Cipher, error) {
	if client == nil {
		return nil, errors.New("a cipher needs the client of a registry")
	}
	c := &Cipher{
		client: client, contracts: map[schemaKey]knownContract{},
		keys:    &keys{client: client, kms: kms, now: time.Now, keks: map[string]*keyEncryptionKey{}, deks: map[keyID]*knownKey{}},
		subject: func(rec *event.Record) string { return rec.Topic + "-value" },
	}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("an option is nil")
		}
		o(c)
	}
	if c.subject == nil {
		return nil, errors.New("WithSubject: there is no function")
	}
	return c, nil
}

// framed is a value, and which schema it says it has.
type framed struct {
	key      schemaKey
	inHeader bool
	head     []byte // in front of the body
	body     []byte
	indexes  []int
}

// frame finds out which schema a record has: from its header, as newer clients of Confluent write it, or else from the front of its value. It says false where neither is there.
func (c *Cipher) frame(rec *event.Record) (framed, bool, error) {
	f := framed{key: schemaKey{subject: c.subject(rec)}, body: rec.Value}
	if id := wire.HeaderBytes(rec.Headers, wire.HeaderConfluentID); id != nil {
		of, err := wire.Unframe(nil, []wire.Header{{Key: wire.HeaderConfluentID, Value: id}})
		f.key.id, f.key.guid, f.indexes, f.inHeader = of.SchemaID, of.GUID, of.Indexes, true
		if err == nil && f.key.isNewest() || f.key.id < 0 {
			err = fmt.Errorf("the header %s has the schema's id %d", wire.HeaderConfluentID, f.key.id)
		}
		return f, true, err
	}
	const size = 5
	if len(rec.Value) <= size || rec.Value[0] != wire.Magic {
		return f, false, nil
	}
	f.key.id = int(int32(binary.BigEndian.Uint32(rec.Value[1:])))
	f.head, f.body = rec.Value[:size], rec.Value[size:]
	if f.key.id <= 0 {
		return f, true, fmt.Errorf("the schema's id is %d", f.key.id)
	}
	return f, true, nil
}

// cutIndexes takes the message indexes off a value that begins with them.
func (f *framed) cutIndexes(value []byte) error {
	if f.inHeader {
		return nil
	}
	of, err := wire.Unframe(value, nil)
	if err == nil && !of.Protobuf {
		err = errors.New("its schema is protobuf, and the value is not")
	}
	if err != nil {
		return err
	}
	f.head, f.body, f.indexes = value[:len(value)-len(of.Body)], of.Body, of.Indexes
	return nil
}

// concerns says whether there may be anything to do for a record.
func (c *Cipher) concerns(rec *event.Record) bool {
	return len(rec.Value) > 0 && rec.Oversized == nil && (len(c.topics) == 0 || slices.Contains(c.topics, rec.Topic))
}

// Decrypt returns a record with what the rules of its schema have encrypted decrypted, and all else as it was. A record that names no schema, or one without such rules, is
// returned as it is.
//
// The error is an [event.ValidationError] where a value was changed, or is not encrypted though the rules have it so, and wraps an [encrypt.UnavailableError] where a key can't
// be had: it is not there, or the KMS denies it. It wraps an [encrypt.AwayError] where the registry or the KMS can't be asked: later the record may be read. A rule that has
// NONE for failures leaves its values encrypted instead, but waits as well.
func (c *Cipher) Decrypt(ctx context.Context, rec *event.Record) (event.Record, error) {
	out := *rec
	if !c.concerns(rec) {
		return out, nil
	}
	f, ok, err := c.frame(rec)
	if !ok || err != nil {
		return out, c.explain("decrypt", rec, err)
	}
	k, err := c.contract(ctx, f.key)
	if err != nil {
		return out, c.explain("decrypt", rec, err)
	}
	steps, err := k.steps(modeRead)
	if err != nil || len(steps) == 0 {
		return out, c.explain("decrypt", rec, err)
	}
	if k.language == languageProtobuf {
		if err := f.cutIndexes(rec.Value); err != nil {
			return out, c.explain("decrypt", rec, err)
		}
	}
	for i := range steps {
		s := &steps[i]
		body, failed, err := c.follow(ctx, k, &f, s, modeRead)
		_, unavailable := errors.AsType[*encrypt.UnavailableError](err)
		switch {
		case s.lenient && (unavailable || len(failed) > 0):
			continue
		case err != nil:
			return out, c.explain("decrypt", rec, err)
		case len(failed) > 0:
			var v event.Violations
			for _, fault := range failed {
				v.Add(fault.path, event.SealRule, "can't be decrypted: "+fault.err.Error(), nil)
			}
			return out, v.Err("record of " + rec.Topic)
		}
		f.body = body
	}
	out.Value = slices.Concat(f.head, f.body)
	return out, nil
}

// Encrypt returns a record with what the rules of its schema want encrypted, and all else as it was. A record that names no schema has the newest version of its subject,
// which is then named in a header. One whose schema has no such rules is returned as it is.
//
// Nothing is returned in clear that rules want encrypted: where it can't be, whatever the rule has for failures, the error says why. It wraps an
// [encrypt.UnavailableError] or an [encrypt.AwayError] as that of [Cipher.Decrypt] does.
func (c *Cipher) Encrypt(ctx context.Context, rec *event.Record) (event.Record, error) {
	out := *rec
	if !c.concerns(rec) {
		return out, nil
	}
	f, named, err := c.frame(rec)
	if err != nil {
		return out, c.explain("encrypt", rec, err)
	}
	k, err := c.contract(ctx, f.key)
	if err != nil {
		return out, c.explain("encrypt", rec, err)
	}
	steps, err := k.steps(modeWrite)
	if err != nil || len(steps) == 0 {
		return out, c.explain("encrypt", rec, err)
	}
	switch {
	case !named && k.language == languageProtobuf:
		return out, c.explain("encrypt", rec, errors.New("the value does not name its schema, as protobuf has to"))
	case !named:
		out.Headers = append(slices.Clip(rec.Headers), event.Header{Key: wire.HeaderConfluentID, Value: wire.AppendConfluentID(nil, k.id)})
	case k.language == languageProtobuf:
		if err := f.cutIndexes(rec.Value); err != nil {
			return out, c.explain("encrypt", rec, err)
		}
	}
	for i := range steps {
		body, failed, err := c.follow(ctx, k, &f, &steps[i], modeWrite)
		if err == nil && len(failed) > 0 {
			err = fmt.Errorf("rule %s: %s: %w", steps[i].name, failed[0].path, failed[0].err)
		}
		if err != nil {
			return *rec, c.explain("encrypt", rec, err)
		}
		f.body = body
	}
	out.Value = slices.Concat(f.head, f.body)
	return out, nil
}

func (c *Cipher) explain(what string, rec *event.Record, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s record of %s: %w", what, rec.Topic, err)
}

// follow does what a step says to a value.
func (c *Cipher) follow(ctx context.Context, k *contract, f *framed, s *step, mode string) ([]byte, []fieldFailure, error) {
	change := func(value []byte) ([]byte, error) { return c.decrypted(ctx, f.key.subject, s, value) }
	if mode == modeWrite {
		change = func(value []byte) ([]byte, error) { return c.encrypted(ctx, f.key.subject, s, value) }
	}
	inText := func(text string) (string, error) {
		if mode == modeWrite {
			sealed, err := change([]byte(text))
			return base64.StdEncoding.EncodeToString(sealed), err
		}
		sealed, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", errors.New("it is not base64: was it not encrypted?")
		}
		plain, err := change(sealed)
		return string(plain), err
	}
	switch {
	case s.payload:
		out, err := change(f.body)
		if err != nil && !isKeyError(err) {
			return nil, []fieldFailure{{"", err}}, nil
		}
		return out, nil, err
	case k.language == languageProtobuf:
		message, err := messageAt(k.file, f.indexes)
		if err != nil {
			return nil, nil, err
		}
		if message == nil {
			return nil, nil, errors.New("it has no message indexes")
		}
		w := &protobufFields{tags: &k.fields, step: s, write: mode == modeWrite, change: func(value []byte, isText bool) ([]byte, error) {
			if !isText {
				return change(value)
			}
			text, err := inText(string(value))
			return []byte(text), err
		}}
		out, err := w.message(nil, f.body, message, "", 0)
		return out, w.failed, err
	}
	v, err := parseValue(f.body)
	if err != nil {
		return nil, nil, concealed(err)
	}
	w := &jsonFields{text: f.body, tags: k.tags, step: s, write: mode == modeWrite, change: inText}
	if err := w.walk(k.json, v, nil); err != nil || len(w.failed) > 0 {
		return nil, w.failed, err
	}
	out, err := v.append(nil, f.body)
	return out, nil, err
}

// concealed is an error of JSON without what stands there, which may be what is to be kept secret.
func concealed(err error) error {
	if at, ok := errors.AsType[*jsonio.Error](err); ok {
		return fmt.Errorf("the value is not JSON: at offset %d", at.Offset)
	}
	return err
}

// encrypted encrypts a value with the key that is current.
func (c *Cipher) encrypted(ctx context.Context, subject string, s *step, plain []byte) ([]byte, error) {
	key, err := c.keys.forWriting(ctx, &s.use, subject)
	if err != nil {
		return nil, err
	}
	sealed, err := key.encrypt(plain)
	if err != nil || s.use.expiryDays == 0 {
		return sealed, err
	}
	return append(appendVersion(nil, key.version), sealed...), nil
}

// decrypted decrypts a value.
func (c *Cipher) decrypted(ctx context.Context, subject string, s *step, sealed []byte) ([]byte, error) {
	version := 1
	if s.use.expiryDays > 0 {
		var err error
		if version, sealed, err = cutVersion(sealed); err != nil {
			return nil, err
		}
	}
	key, err := c.keys.forReading(ctx, &s.use, subject, version)
	if err != nil {
		return nil, err
	}
	return key.decrypt(sealed)
}
