package trestle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
)

func TestHandlersFailuresBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fail        func() error
		wantRetries int
		wantType    string
		wantMessage string
		wantStack   string
	}{
		"again and again": {
			func() error { return fmt.Errorf("ship: %w", errTransient) }, 2, "HandlerError", "ship: warehouse is away", "",
		},
		"permanently": {
			func() error { return trestle.Permanent(errTransient) }, 0, "HandlerError", "warehouse is away", "",
		},
		"with an invalid event of its own": {
			func() error { return fmt.Errorf("reply: %w", (&orderPlaced{N: -1}).Validate()) },
			0, "ValidationError", "reply: test.OrderPlaced: n: must be greater than or equal to 0", "",
		},
		"with a type of its own": {
			func() error { return fmt.Errorf("ship: %w", trestle.Permanent(&refusedError{17})) },
			0, "trestle_test.refusedError", "ship: refused with 17", "",
		},
		"with a panic": {
			func() error { panic("out of stock") },
			0, "PanicError", "handler panicked: out of stock", "TestHandlersFailuresBecomeDeadLetters",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			ids := orderIDs(3)
			c.writeOrders(t, ids, 3)
			outcomes := newOutcomes()
			var calls atomic.Int32
			r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
				if e.OrderID == ids[1] && e.N == 1 {
					calls.Add(1)
					return tc.fail()
				}
				return nil
			}, trestle.WithRetries(2), trestle.WithObserver(outcomes.add))
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == 9 })
			r.stop()

			if got := int(calls.Load()); got != tc.wantRetries+1 {
				t.Errorf("got %d calls, want %d", got, tc.wantRetries+1)
			}
			letters := c.deadLetters(t)
			if len(letters) != 1 {
				t.Fatalf("got %d dead letters, want 1", len(letters))
			}
			d := letters[0]
			if string(d.Original.Value) != orderJSON(ids[1], 1) || string(d.Original.Key) != ids[1] {
				t.Errorf("got original %s under %s", d.Original.Value, d.Original.Key)
			}
			if d.RetryCount != tc.wantRetries || d.MaxRetries != 2 || d.SourceTopic != orders.Name || d.ConsumerGroup != testGroup {
				t.Errorf("got %+v", d)
			}
			if d.Error.Type != tc.wantType || !strings.HasPrefix(d.Error.Message, tc.wantMessage) || !strings.Contains(d.Error.StackTrace, tc.wantStack) {
				t.Errorf("got error %+v", d.Error)
			}
			outcomes.want(t, map[trestle.Result]int{trestle.Handled: 8, trestle.DeadLettered: 1})
		})
	}
}

type refusedError struct{ code int }

func (e *refusedError) Error() string { return fmt.Sprintf("refused with %d", e.code) }

func TestPoisonGoesToItsDeadLetterByteForByte(t *testing.T) {
	t.Parallel()
	good := orderJSON("good", 0)
	cases := map[string]struct {
		record   kgo.Record
		wantType string
	}{
		"cut short":          {kgo.Record{Value: []byte(good[:60])}, "DecodeError"},
		"not JSON":           {kgo.Record{Value: []byte(strings.Replace(good, `"n": 0`, `"n": NaN`, 1))}, "DecodeError"},
		"a lone surrogate":   {kgo.Record{Value: []byte(strings.Replace(good, `good`, `\ud800`, 1))}, "DecodeError"},
		"binary":             {kgo.Record{Value: []byte{0xff, 0xfe, 0, 1}}, "DecodeError"},
		"no value":           {kgo.Record{}, "DecodeError"},
		"empty":              {kgo.Record{Value: []byte{}}, "DecodeError"},
		"an unknown type":    {kgo.Record{Value: []byte(strings.Replace(good, "OrderPlaced", "OrderLost", 1))}, "UnknownEventTypeError"},
		"no type":            {kgo.Record{Value: []byte(strings.Replace(good, "event_type", "type", 1))}, ""},
		"a wrong field type": {kgo.Record{Value: []byte(strings.Replace(good, `"n": 0`, `"n": "0"`, 1))}, "ValidationError"},
		"an invalid value":   {kgo.Record{Value: []byte(strings.Replace(good, `"n": 0`, `"n": -1`, 1))}, "ValidationError"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			poison := tc.record
			poison.Topic, poison.Key = orders.Name, []byte("good")
			poison.Headers = []kgo.RecordHeader{{Key: "event-id", Value: []byte("0199a5c4-0000-7000-8000-000000000001")}, {Key: "attempt", Value: []byte("2")}}
			c.write(t, &poison)
			c.writeOrders(t, []string{"good"}, 2)
			book := newLedger(t)
			r := consume(t, c, book.handle(ok))
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
			r.stop()
			book.wantAll([]string{"good"}, 2)
			letters := c.deadLetters(t)
			if len(letters) != 1 {
				t.Fatalf("got %d dead letters, want 1", len(letters))
			}
			d := letters[0]
			if diff := cmp.Diff(poison.Value, d.Original.Value); diff != "" {
				t.Errorf("original: %s", diff)
			}
			if d.RetryCount != 0 || d.Attempt != 2 || d.EventID() != "0199a5c4-0000-7000-8000-000000000001" || d.Original.Offset != 0 {
				t.Errorf("got %+v", d)
			}
			if tc.wantType != "" && d.Error.Type != tc.wantType {
				t.Errorf("got %s: %s, want a %s", d.Error.Type, d.Error.Message, tc.wantType)
			}
		})
	}
}

func TestEventIsNotDoneUntilItsDeadLetterIsWritten(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	away := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.DeadLetter, Err: kerr.TopicAuthorizationFailed, Count: -1})
	fail := func(_ context.Context, e *orderPlaced) error {
		if e.OrderID == "bad" && e.N == 0 {
			return trestle.Permanent(errTransient)
		}
		return nil
	}
	c.writeOrders(t, []string{"bad", "good"}, 3)
	book := newLedger(t)
	first := consume(t, c, fail, trestle.WithDrainTimeout(100*time.Millisecond))
	if err := away.Wait(deadline(t), 3); err != nil {
		t.Fatal(err)
	}
	if err := first.end(); err == nil || !strings.Contains(err.Error(), "orders/") {
		t.Errorf("Run says %v, want what was left unfinished", err)
	}
	if n := c.end(orders.DeadLetter); n != 0 {
		t.Fatalf("%d dead letters", n)
	}

	second := consume(t, c, book.handle(func(ctx context.Context, e *orderPlaced) error {
		err := fail(ctx, e)
		if err != nil { // as far as the ledger is concerned it is handled: its dead letter must follow
			book.mu.Lock()
			book.next[e.OrderID] = 1
			book.handled[eventName(e)]++
			book.mu.Unlock()
		}
		return err
	}))
	hits := away.Hits()
	if err := away.Wait(deadline(t), hits+2); err != nil {
		t.Fatal(err)
	}
	away.Remove()
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 6 })
	second.stop()
	if n := len(c.deadLetters(t)); n != 1 {
		t.Errorf("got %d dead letters, want 1", n)
	}
	book.mu.Lock()
	defer book.mu.Unlock()
	if book.handled["bad#2"] != 1 {
		t.Error("the key did not go on after the dead letter")
	}
}

// TestDeadLettersShrinkUntilTheyFit has a dead-letter topic refuse letters until everything large was left out.
func TestDeadLettersShrinkUntilTheyFit(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	large := orderRecord("bad", 0)
	large.Headers = []kgo.RecordHeader{{Key: "x-large", Value: bytes.Repeat([]byte("h"), 950<<10)}}
	c.write(t, large, orderRecord("bad", 1))
	const limit = 100_000
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		p := req.(*kmsg.ProduceRequest)
		for _, topic := range p.Topics {
			for _, part := range topic.Partitions {
				if uncompressed(t, part.Records) > limit {
					resp := p.ResponseKind().(*kmsg.ProduceResponse)
					refused := kmsg.NewProduceResponseTopicPartition()
					refused.Partition, refused.ErrorCode = part.Partition, kerr.MessageTooLarge.Code
					of := kmsg.NewProduceResponseTopic()
					of.Topic, of.TopicID, of.Partitions = topic.Topic, topic.TopicID, []kmsg.ProduceResponseTopicPartition{refused}
					resp.Topics = append(resp.Topics, of)
					return resp, nil, true
				}
			}
		}
		return nil, nil, false
	})
	book := newLedger(t)
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		if e.N == 0 {
			return trestle.Permanent(errors.New(strings.Repeat("e", 3<<20)))
		}
		return book.handle(ok)(t.Context(), &orderPlaced{OrderID: "next"})
	})
	eventually(t, "the next event of the key is handled", func() bool { return book.count() == 1 })
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 2 })
	r.stop()
	letters := c.deadLetters(t)
	if len(letters) != 1 {
		t.Fatalf("got %d letters", len(letters))
	}
	d := letters[0]
	if got := string(d.Original.Value); got != orderJSON("bad", 0) {
		t.Errorf("got original %.200s", got)
	}
	if n, h := len(d.Error.Message), len(d.Original.Header("x-large")); n > 1<<10 || h > 0 {
		t.Errorf("got a message of %d bytes, a header of %d", n, h)
	}
}

// uncompressed is the size of a batch of records once decompressed.
func uncompressed(t testing.TB, batch []byte) int {
	t.Helper()
	var b kmsg.RecordBatch
	if err := b.ReadFrom(batch); err != nil {
		t.Error(err)
		return 0
	}
	raw, err := kgo.DefaultDecompressor().Decompress(b.Records, kgo.CompressionCodecType(b.Attributes&7))
	if err != nil {
		t.Error(err)
	}
	return len(raw)
}
