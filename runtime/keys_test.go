package trestle_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/spool"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/wire"
)

// orderSealed is an order whose note and number are encrypted.
type orderSealed struct{ orderPlaced }

var orderSealedInfo = trestle.EventInfo{
	Type: "OrderPlaced", FullName: "test.OrderSealed", Envelope: wire.OnexV1, Topic: orders, SealedKeys: []string{"pii"},
	Masks: jsonio.Masks{"test.OrderSealed": {
		Members: map[string]string{"note": jsonio.Hidden, "n": jsonio.Hidden},
		Sealed:  map[string]jsonio.Seal{"note": {Key: "pii"}, "n": {Key: "pii", Beside: true}},
	}},
	New: func() trestle.Event { return new(orderSealed) },
}

func (*orderSealed) EventInfo() *trestle.EventInfo { return &orderSealedInfo }

// unsteadyKEK is a KEK that can be away, or deny what it is asked.
type unsteadyKEK struct {
	encrypt.KEK
	answers atomic.Pointer[error] // what it answers instead; nil: nothing
	asked   atomic.Int64
}

func (k *unsteadyKEK) Unwrap(ctx context.Context, name string, wrapped, context []byte) ([]byte, error) {
	k.asked.Add(1)
	if err := k.answers.Load(); err != nil {
		return nil, *err
	}
	return k.KEK.Unwrap(ctx, name, wrapped, context)
}

// keysOver are keys that a program has which is none of those that made them.
func keysOver(t testing.TB, store encrypt.Store) (*encrypt.Keys, *unsteadyKEK) {
	t.Helper()
	k := &unsteadyKEK{KEK: kek.NewFile(kekFile(t))}
	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: k}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return keys, k
}

// kekFile is a file with a KEK, the same in all tests.
func kekFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek")
	text := "test " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{3}, 32)) + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const secretNote = "the CANARY in the note"

// publishSealed publishes n sealed orders, of one key each.
func publishSealed(t testing.TB, c *cluster, n int, opts ...trestle.PublisherOption) {
	t.Helper()
	pub, err := trestle.NewPublisher(c.brokers, append([]trestle.PublisherOption{c.option, trestle.WithLogger(quiet)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := pub.Publish(deadline(t), &orderSealed{orderPlaced{fmt.Sprint("order-", i), int64(70070 + i), secretNote}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

// handledSealed collects what a consumer's handler gets.
type handledSealed struct {
	mu         sync.Mutex
	events     []*orderSealed
	deliveries []trestle.Delivery
}

func (h *handledSealed) n() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.events)
}

func consumeSealed(t testing.TB, c *cluster, require []string, opts ...trestle.ConsumerOption) *handledSealed {
	t.Helper()
	h := &handledSealed{}
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, append(quick(c.option), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, func(ctx context.Context, e *orderSealed) error {
		if err := trestle.Require(ctx, require...); err != nil {
			return err
		}
		d, _ := trestle.DeliveryFrom(ctx)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events, h.deliveries = append(h.events, e), append(h.deliveries, d)
		return nil
	})
	run(t, consumer)
	return h
}

func hasSecret(b []byte) bool {
	return bytes.Contains(b, []byte("CANARY")) || bytes.Contains(b, []byte("7007"))
}

// What is encrypted is nowhere on the cluster, and with its handler alone who has the keys.
func TestEncryptedFields(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	store := new(encrypt.Memory)
	keys, _ := keysOver(t, store)
	publishSealed(t, c, 5, trestle.WithKeys(keys))
	for _, r := range c.read(t, orders.Name) {
		if hasSecret(r.Value) || !bytes.Contains(r.Value, []byte(`"n_encrypted":"trs:`)) {
			t.Errorf("on the cluster: %s", r.Value)
		}
	}
	other, _ := keysOver(t, store)
	h := consumeSealed(t, c, []string{"note", "n"}, trestle.WithKeys(other), trestle.WithEncryptedOnly())
	eventually(t, "the events are handled", func() bool { return h.n() == 5 })
	for i, e := range h.events {
		if e.Note != secretNote || e.N < 70070 || len(h.deliveries[i].Unavailable) > 0 {
			t.Errorf("handled: %+v", e)
		}
	}
}

// Without keys, and where a key is denied or destroyed, the fields are absent; a handler that can't do without makes a dead letter, in which they are encrypted still.
func TestEncryptedFieldsAreUnavailable(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]func(*testing.T, encrypt.Store) []trestle.ConsumerOption{
		"no keys": func(*testing.T, encrypt.Store) []trestle.ConsumerOption { return nil },
		"denied": func(t *testing.T, store encrypt.Store) []trestle.ConsumerOption {
			keys, k := keysOver(t, store)
			k.answers.Store(&encrypt.ErrDenied)
			return []trestle.ConsumerOption{trestle.WithKeys(keys)}
		},
		"destroyed": func(t *testing.T, store encrypt.Store) []trestle.ConsumerOption {
			keys, _ := keysOver(t, store)
			all, err := keys.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := keys.Destroy(t.Context(), all[0].ID, true); err != nil {
				t.Fatal(err)
			}
			return []trestle.ConsumerOption{trestle.WithKeys(keys)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			store := new(encrypt.Memory)
			keys, _ := keysOver(t, store)
			publishSealed(t, c, 2, trestle.WithKeys(keys))
			opts := options(t, store)
			h := consumeSealed(t, c, []string{"order_id"}, opts...)
			eventually(t, "the events are handled", func() bool { return h.n() == 2 })
			for i, e := range h.events {
				if e.Note != "" || e.N != 0 || e.OrderID == "" || len(h.deliveries[i].Unavailable) != 2 {
					t.Errorf("handled: %+v, %+v", e, h.deliveries[i].Unavailable)
				}
			}
			consumer, err := trestle.NewConsumer(c.brokers, "strict", append(quick(c.option, trestle.WithRetries(5)), opts...)...)
			if err != nil {
				t.Fatal(err)
			}
			var calls atomic.Int64
			trestle.Handle(consumer, func(ctx context.Context, _ *orderSealed) error {
				calls.Add(1)
				return trestle.Require(ctx, "note")
			})
			run(t, consumer)
			eventually(t, "there are dead letters", func() bool { return c.end(orders.DeadLetter) == 2 })
			for _, l := range c.deadLetters(t) {
				if !strings.Contains(l.Error.Message, "note is encrypted with key") || hasSecret(fmt.Append(nil, l)) {
					t.Errorf("dead letter: %+v", l)
				}
			}
			for _, r := range c.read(t, orders.DeadLetter) {
				if hasSecret(r.Value) {
					t.Errorf("a dead letter tells it: %s", r.Value)
				}
			}
			if n := calls.Load(); n != 2 {
				t.Errorf("the handler was called %d times", n)
			}
		})
	}
}

// While the KEK is away, events wait; nothing becomes a dead letter.
func TestKeysAreWaitedFor(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	store := new(encrypt.Memory)
	keys, _ := keysOver(t, store)
	publishSealed(t, c, 3, trestle.WithKeys(keys))
	other, k := keysOver(t, store)
	away := errors.New("connection refused")
	k.answers.Store(&away)
	logger, logged := whenLogged("keys of encrypted fields can't be reached; waiting for them")
	h := consumeSealed(t, c, nil, trestle.WithKeys(other), trestle.WithLogger(logger))
	<-logged
	eventually(t, "it is asked again", func() bool { return k.asked.Load() > 3 })
	if h.n() > 0 || c.end(orders.DeadLetter) > 0 {
		t.Errorf("%d events are handled, %d dead", h.n(), c.end(orders.DeadLetter))
	}
	k.answers.Store(nil)
	eventually(t, "the events are handled", func() bool { return h.n() == 3 })
	for _, e := range h.events {
		if e.Note != secretNote {
			t.Errorf("handled: %+v", e)
		}
	}
}

// Sealed values that were changed or moved, and such as are not sealed where all have to be, make dead letters.
func TestEncryptedFieldsChanged(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	keys, _ := keysOver(t, new(encrypt.Memory))
	publishSealed(t, c, 2, trestle.WithKeys(keys))
	h := consumeSealed(t, c, nil, trestle.WithKeys(keys), trestle.WithEncryptedOnly())
	eventually(t, "the events are handled", func() bool { return h.n() == 2 })
	written := c.read(t, orders.Name)
	changed, moved := *written[0], *written[0]
	at := bytes.Index(changed.Value, []byte("trs:")) + 60
	changed.Value = bytes.Clone(changed.Value)
	changed.Value[at] ^= 1
	moved.Headers = written[1].Headers
	for _, r := range []*kgo.Record{&changed, &moved} {
		c.write(t, &kgo.Record{Topic: orders.Name, Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
	c.write(t, orderRecord("order-9", 7))
	eventually(t, "there are dead letters", func() bool { return c.end(orders.DeadLetter) == 3 })
	if h.n() != 2 {
		t.Errorf("%d events are handled", h.n())
	}
	for _, l := range c.deadLetters(t) {
		if !strings.Contains(l.Error.Message, "can't be decrypted") {
			t.Errorf("dead letter: %s", l.Error.Message)
		}
	}
}

// Without keys nothing is published, and with a spool its files have no plain text.
func TestEncryptedFieldsAreNotPublishedPlain(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	pub, err := trestle.NewPublisher(c.brokers, c.option, trestle.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pub.Close(context.Background()) })
	var none *trestle.NoKeysError
	if err := pub.Publish(deadline(t), &orderSealed{orderPlaced{"order-1", 1, secretNote}}); !errors.As(err, &none) || hasSecret([]byte(err.Error())) {
		t.Errorf("without keys: %v", err)
	}
	if n := c.end(orders.Name); n > 0 {
		t.Errorf("%d records were written", n)
	}
	keys, _ := keysOver(t, new(encrypt.Memory))
	dir := t.TempDir()
	c.Close()
	spooling, err := trestle.NewPublisher(c.brokers, trestle.WithLogger(quiet), trestle.WithKeys(keys), trestle.WithSpool(dir, spool.Options{}), trestle.WithDeliveryTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := spooling.Publish(deadline(t), &orderSealed{orderPlaced{"order-1", 70071, secretNote}}); err != nil {
		t.Errorf("into the spool: %v", err)
	}
	size := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		size += len(text)
		if hasSecret(text) {
			t.Errorf("%s tells it: %q", path, text)
		}
		return err
	})
	if err != nil || size < 100 {
		t.Errorf("the spool has %d bytes: %v", size, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = spooling.Close(ctx)
}

// While data keys are rotated, and wrapped anew by another key of the KEK, nothing fails to be published, and each event is handled once, as it was.
func TestKeyRotationUnderLoad(t *testing.T) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		c := startCluster(t, kfake.SeedTopics(1, keytopic.Topic))
		testKeyRotation(t, c.brokers, "", 3000)
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		brokers := services.SharedKafka(t).Brokers()
		client, err := kafka.Connection{Brokers: brokers}.Client()
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		prefix := "rotation-" + uuid.NewString() + "-"
		for name, partitions := range map[string]int32{orders.Name: testPartitions, orders.DeadLetter: 1, keytopic.Topic: 1} {
			if _, err := kadm.NewClient(client).CreateTopic(deadline(t), partitions, 1, nil, prefix+name); err != nil {
				t.Fatal(err)
			}
		}
		testKeyRotation(t, brokers, prefix, 3000)
	})
}

func testKeyRotation(t *testing.T, brokers []string, prefix string, events int) {
	names := trestle.Names{Prefix: prefix}
	keyTopic, err := names.Topic(keytopic.Topic)
	if err != nil {
		t.Fatal(err)
	}
	file := kekFile(t)
	keys := func() *encrypt.Keys {
		store, err := keytopic.New(kafka.Connection{Brokers: brokers}, keyTopic)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": {KEK: kek.NewFile(file)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { keys.Close(); store.Close() })
		return keys
	}
	var mu sync.Mutex
	handled, with := map[string]int{}, map[string]bool{}
	consumer, err := trestle.NewConsumer(brokers, testGroup, quick(trestle.WithNames(names), trestle.WithKeys(keys()), trestle.WithEncryptedOnly(), trestle.WithStart(trestle.Earliest), trestle.WithSessionTimeout(6*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	types := trestle.NewTypes(&orderSealedInfo)
	trestle.Handle(consumer, func(ctx context.Context, e *orderSealed) error {
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		if handled[e.OrderID]++; e.Note != secretNote || len(d.Unavailable) > 0 {
			t.Errorf("handled: %+v, %v", e, d.Unavailable)
		}
		return nil
	})
	run(t, consumer)
	pub, err := trestle.NewPublisher(brokers, trestle.WithNames(names), trestle.WithKeys(keys()), trestle.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	operator := keys()
	var failed atomic.Int64
	rotations := 0
	for i := range events {
		if i%(events/6) == events/12 {
			if rotations++; rotations == 3 {
				if err := kek.Add(file, "second"); err != nil {
					t.Fatal(err)
				}
				if n, err := operator.Rewrap(deadline(t), "pii"); err != nil || n == 0 {
					t.Fatalf("%d keys are wrapped anew: %v", n, err)
				}
			}
			if _, err := operator.Rotate(deadline(t), "pii"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // publishers hear of it meanwhile
		}
		err := pub.PublishAsync(deadline(t), &orderSealed{orderPlaced{fmt.Sprint("order-", i), int64(i), secretNote}}, func(_ trestle.Receipt, err error) {
			if err != nil {
				failed.Add(1)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Close(deadline(t)); err != nil || failed.Load() > 0 {
		t.Errorf("%d events failed: %v", failed.Load(), err)
	}
	eventually(t, "all events are handled", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(handled) == events
	})
	for id, n := range handled {
		if n != 1 {
			t.Errorf("%s is handled %d times", id, n)
		}
	}
	topic, _ := names.Topic(orders.Name)
	for r, err := range kafka.Scan(deadline(t), kafka.Connection{Brokers: brokers}, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		named := *r
		named.Topic = orders.Name
		d, err := trestle.Decode(&named, types, trestle.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range d.Unavailable {
			with[u.Key.String()] = true
		}
	}
	if len(with) < rotations {
		t.Errorf("%d keys were used in %d rotations", len(with), rotations)
	}
}
