package trestle

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
)

// The nouns of encrypted fields.
type (
	// Keys are the data keys that fields are encrypted with, such as [encrypt.Keys].
	Keys = event.Keys
	// UnavailableField is a field that can't be read, since the key that it was encrypted with is not to be had. It is absent from the event.
	UnavailableField = event.UnavailableField
	// UnavailableFieldError says of a field that somebody asked for that it is an [UnavailableField].
	UnavailableFieldError = event.UnavailableFieldError
	// NoKeysError says that an event can't be written, since fields of it are to be encrypted and there are no keys.
	NoKeysError = event.NoKeysError
	// RecordCipher decrypts and encrypts records in a way that is not Trestle's own.
	RecordCipher = event.RecordCipher
	// KeysAwayError says that a record can't be read now, since the keys can't be reached: later it may be.
	KeysAwayError = event.KeysAwayError
)

// WithKeys has a publisher encrypt what schemas want encrypted, and consumers and callers read it. Without keys, such events can't be published
// ([NoKeysError]), and what is encrypted of those that are consumed is absent: see [Delivery.Unavailable]. So it is where a key is denied, destroyed or not known. While
// keys can't be reached, consumers wait for them, publishers for as long as an event's delivery may take, and callers for 5 s.
func WithKeys(keys Keys) Option {
	return clientOption(func(c *clientConfig) { c.keys = keys })
}

// WithRecordCipher has consumers and callers read, and publishers write, what others than Trestle encrypt in a way of their own, beside what schemas have Trestle encrypt:
// each record goes through the cipher before it is decoded, and after it was encoded. Of what fails for good there, a consumer makes a dead letter, which is encrypted still;
// nothing is published. While the cipher's keys can't be reached, it is as with [WithKeys]. Records that a [HandleRaw] gets are as they are.
func WithRecordCipher(cipher RecordCipher) Option {
	return clientOption(func(c *clientConfig) { c.cipher = cipher })
}

// WithEncryptedOnly has values that are not encrypted, where the schema has them so, be violations. Without it they are taken as they are, and counted: events that are
// older than the schema's mark have them.
func WithEncryptedOnly() ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.encryptedOnly = true })
}

// Require returns an [UnavailableFieldError], which is permanent, if one of the fields can't be read, or what it is in, of the event that a handler's context belongs to:
// `customer.email`, or `lines[2].note`. In a batch it is about the first event; see [Delivery.Unavailable] for the others.
func Require(ctx context.Context, paths ...string) error {
	d := handledIn(ctx)
	if d == nil {
		return nil
	}
	for _, u := range d.Unavailable {
		for _, path := range paths {
			if event.IsAtOrUnder(path, u.Path) || event.IsAtOrUnder(u.Path, path) {
				return Permanent(&UnavailableFieldError{UnavailableField: u})
			}
		}
	}
	return nil
}

// callersPatience is for how long an answer is kept that can't be read, as the keys can't be reached.
const callersPatience = 5 * time.Second

// patientKeys are keys that are waited for while they can't be reached.
type patientKeys struct {
	Keys
	patience time.Duration // 0: until the context ends
	logger   *slog.Logger
}

// patiently returns keys that are waited for; nil: there are none.
func (c *clientConfig) patiently(patience time.Duration) Keys {
	if c.keys == nil {
		return nil
	}
	return &patientKeys{c.keys, patience, c.logger}
}

// Current implements [event.Keys].
func (k *patientKeys) Current(ctx context.Context, class, subject string) (*encrypt.Key, error) {
	return k.wait(ctx, func() (*encrypt.Key, error) { return k.Keys.Current(ctx, class, subject) })
}

// ByID implements [event.Keys].
func (k *patientKeys) ByID(ctx context.Context, id encrypt.KeyID) (*encrypt.Key, error) {
	return k.wait(ctx, func() (*encrypt.Key, error) { return k.Keys.ByID(ctx, id) })
}

func (k *patientKeys) wait(ctx context.Context, get func() (*encrypt.Key, error)) (*encrypt.Key, error) {
	return waitForKeys(ctx, k.patience, k.logger, get)
}

// patientCipher is a cipher whose keys are waited for while they can't be reached.
type patientCipher struct {
	cipher   RecordCipher
	patience time.Duration // 0: until the context ends
	logger   *slog.Logger
}

// patientCipher returns a cipher whose keys are waited for; nil: there is none.
func (c *clientConfig) patientCipher(patience time.Duration) RecordCipher {
	if c.cipher == nil {
		return nil
	}
	return &patientCipher{c.cipher, patience, c.logger}
}

// Decrypt implements [event.RecordCipher].
func (c *patientCipher) Decrypt(ctx context.Context, rec *Record) (Record, error) {
	return waitForKeys(ctx, c.patience, c.logger, func() (Record, error) { return c.cipher.Decrypt(ctx, rec) })
}

// Encrypt implements [event.RecordCipher].
func (c *patientCipher) Encrypt(ctx context.Context, rec *Record) (Record, error) {
	return waitForKeys(ctx, c.patience, c.logger, func() (Record, error) { return c.cipher.Encrypt(ctx, rec) })
}

// waitForKeys returns what get returns, once keys can be reached.
func waitForKeys[T any](ctx context.Context, patience time.Duration, logger *slog.Logger, get func() (T, error)) (T, error) {
	got, err := get()
	if err == nil || !mayPass(err) {
		return got, err
	}
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	backoff := kafka.Backoff{Lowest: 100 * time.Millisecond, Highest: 10 * time.Second}
	for tries := 1; ; tries++ {
		if tries%5 == 1 {
			logger.LogAttrs(ctx, slog.LevelWarn, "keys of encrypted fields can't be reached; waiting for them", slog.Any("error", err))
		}
		if kafka.Sleep(ctx, backoff.After(tries)) != nil {
			return got, err
		}
		if got, err = get(); err == nil || !mayPass(err) {
			return got, err
		}
	}
}

// mayPass says that an error of keys may pass.
func mayPass(err error) bool {
	_, away := errors.AsType[*encrypt.AwayError](err)
	return away
}

// noteSealed counts what of an event can't be read, and what is not encrypted, and logs it once a topic.
func (c *Consumer) noteSealed(topic *topicHandlers, t *task, d *Decoded) {
	if len(d.Unavailable) == 0 && d.Unsealed == 0 {
		return
	}
	set := metric.WithAttributeSet(topic.meter.where(topic.meter.topic))
	if n := len(d.Unavailable); n > 0 {
		topic.meter.unavailable.Add(t.part.ctx, int64(n), set)
		first := d.Unavailable[0]
		c.warnOnce(t, "encrypted fields can't be read, and are absent", slog.String("field", first.Path), slog.String("key", first.Key.String()), slog.Any("error", first.Err))
	}
	if d.Unsealed > 0 {
		topic.meter.unencrypted.Add(t.part.ctx, int64(d.Unsealed), set)
		c.warnOnce(t, "a producer writes fields as they are that are to be encrypted")
	}
}
