package trestle

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestGivenBackWithAnother has the client give back an event that it was not asked for, as it does with what waits for a partition behind
// an event that it was: the event's time is not up, and so it is handed over again.
func TestGivenBackWithAnother(t *testing.T) {
	t.Parallel()
	p, err := NewPublisher([]string{"127.0.0.1:1"}) // nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(); p.client.Close() }) // which answers it
	topic := p.outgoingTo("orders")
	answers := make(chan error, 1)
	s := &sending{
		client: kgo.Record{Topic: "orders"}, info: &EventInfo{FullName: "test.Order"}, attempt: topic.attempt,
		until: p.since() + time.Hour, timeout: time.Hour, done: func(_ Receipt, err error) { answers <- err },
	}
	p.accept(topic, s)
	topic.hand.add(s)
	p.returned(topic, s, &s.client, context.Canceled)
	select {
	case err := <-answers:
		t.Errorf("it was answered: %v", err)
	default:
	}
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if len(topic.held)+topic.hand.len() != 1 { // the watcher may have handed it over already
		t.Errorf("%d events are held back, %d in the client's hands", len(topic.held), topic.hand.len())
	}
}

// TestGivenBackEventIsNotHandedOverTooSoon has the watcher look while the client is giving an event back: it is held back by then, and still
// counts as in the client's hands.
func TestGivenBackEventIsNotHandedOverTooSoon(t *testing.T) {
	t.Parallel()
	p, err := NewPublisher([]string{"127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(); p.client.Close() })
	for name, key := range map[string][]byte{"with a key": []byte("a"), "without": nil} {
		s := &sending{
			client: kgo.Record{Topic: "orders", Key: key}, info: &EventInfo{FullName: "test.Order"}, attempt: newAttempt(&p.connections),
			until: p.since() + time.Hour, done: func(Receipt, error) {},
		}
		topic := &outgoing{topic: "orders", mode: choosing, attempt: newAttempt(&p.connections), held: []*sending{s}, wake: make(chan struct{}, 1)}
		p.accept(topic, s)
		topic.hand.add(s)
		look := func() {
			topic.mu.Lock()
			defer topic.mu.Unlock()
			now := p.since()
			p.handOver(topic, now, p.lookAtHand(topic, now))
		}
		if look(); len(topic.held) != 1 || topic.hand.len() != 1 {
			t.Errorf("%s: it was handed over while the client had it", name)
			continue
		}
		topic.given(s)
		if look(); len(topic.held) != 0 {
			t.Errorf("%s: it was not handed over", name)
		}
	}
}
