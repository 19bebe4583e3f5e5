package ops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const watchedSchema = `syntax = "proto3";

// Orders.
package shop.v1;

import "trestle/v1/options.proto";

option (trestle.v1.family) = {
  envelope: ENVELOPE_BASE_EVENT
  dead_letter_pattern: "{topic}_dlq"
  topic_settings: {partitions: 1 retention_ms: 604800000}
  dead_letter_settings: {partitions: 2 retention_ms: 2592000000}
};

// OrderShipped says that an order is on its way.
message OrderShipped {
  option (trestle.v1.event) = {topic: "orders" key: "order_id"};
  // The order.
  string order_id = 1;
}

// PersonSeen says who was there.
message PersonSeen {
  option (trestle.v1.event) = {topic: "people" key: "id"};
  // The person.
  string id = 1;
  // What they are called.
  string name = 2 [(trestle.v1.field).sensitive = true];
}
`

// shop is a project with a cluster that has its topics, and letters.
type shop struct {
	t       *testing.T
	project *Project
	env     Environment
	cluster *kfake.Cluster
	client  *kgo.Client
	written int
}

// newShop makes one, with what else is in its trestle.yaml.
func newShop(t *testing.T, yaml string) *shop {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "people", "alerts", replay.ResolutionsTopic), kfake.SeedTopics(2, "orders_dlq", "people_dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	p, err := projectWith(t, "go_import: example.org/shop/gen\n"+yaml)
	if err != nil {
		t.Fatal(err)
	}
	path := p.Path("schemas/shop/v1/order.proto")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(watchedSchema), 0o600)); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &shop{t: t, project: p, env: Environment{Brokers: cluster.ListenAddrs()}, cluster: cluster, client: client}
}

// fail writes letters of n events of a topic that a group could not handle.
func (s *shop) fail(n int, source, eventType, group, message string) {
	s.t.Helper()
	for range n {
		s.written++
		d := deadletter.DeadLetter{
			Original: deadletter.Original{Key: fmt.Appendf(nil, "k%d", s.written), Offset: int64(s.written), Value: fmt.Appendf(nil,
				`{"event_id":"0f8fad5b-d9cb-469f-a165-%012d","event_type":%q,"version":"1.0","timestamp":"2025-10-16T12:00:00Z",`+
					`"source":{"service_name":"a","service_version":"1","instance_id":"i"},"payload":{"order_id":"o"}}`, s.written, eventType)},
			Error:       deadletter.Error{Type: "HandlerError", Message: fmt.Sprintf(message, s.written), Timestamp: time.Now()},
			SourceTopic: source, ConsumerGroup: group, Timestamp: time.Now(),
		}
		record := kafka.ToClient(&kafka.Record{Topic: source + "_dlq", Key: d.Original.Key, Value: d.AppendJSON(nil), Headers: d.Headers()})
		if err := s.client.ProduceSync(s.t.Context(), record).FirstErr(); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *shop) replay(f DeadLetterFilter, want int) {
	s.t.Helper()
	got, err := ReplayDeadLetters(s.t.Context(), s.project, s.env, ResolveOptions{DeadLetterFilter: f})
	if err != nil || got.Done != want {
		s.t.Fatalf("%+v replayed, %v; want %d", got, err, want)
	}
}

// watching is a watch that runs.
type watching struct {
	t     *testing.T
	stop  func()
	looks chan int // letters

	failed []string // looks

	mu   sync.Mutex
	news []DeadLetterNews
	said []string
}

func (s *shop) watch(o WatchOptions) *watching {
	s.t.Helper()
	w := &watching{t: s.t, looks: make(chan int)}
	ctx, cancel := context.WithCancel(s.t.Context())
	o.Every = 10 * time.Millisecond
	o.Looked = func(letters, _ int) {
		select {
		case w.looks <- letters:
		case <-ctx.Done():
		}
	}
	o.Alerts.Failed = func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.said = append(w.said, err.Error())
	}
	o.Failed = func(err error) { // from the watch's goroutine, as looks are
		w.failed = append(w.failed, fmt.Sprint(err))
	}
	ended := make(chan error, 1)
	go func() {
		ended <- WatchDeadLetters(ctx, s.project, s.env, o, func(n DeadLetterNews) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.news = append(w.news, n)
			return nil
		})
		close(w.looks)
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(w.stop)
	return w
}

// sees waits for a look that counts so many letters, after which others have been told of the looks before.
func (w *watching) sees(letters int) {
	w.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case got, open := <-w.looks:
			if !open {
				w.t.Fatal("it ended")
			}
			if got == letters {
				return
			}
		case <-deadline:
			w.t.Fatalf("it never saw %d letters", letters)
		}
	}
}

// until looks on until something holds.
func (w *watching) until(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-w.looks:
		case <-deadline:
			w.t.Fatalf("%s: not within a minute; %q", what, w.said)
		}
	}
}

// limits are the limits that were told of.
func (w *watching) limits() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.news {
		if n.Limit != nil {
			out = append(out, fmt.Sprintf("%s %s at %d", n.Limit.Topic, n.Limit.State, n.Limit.Unresolved))
		}
	}
	return out
}

func (w *watching) causes() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.news {
		if n.Cause != nil {
			out = append(out, fmt.Sprintf("%d of %s: %s, earlier %t", n.Cause.Count, n.Cause.Group, n.Cause.Cause, n.Cause.Earlier))
		}
	}
	return out
}

// told is what stands in the topic of alerts.
func (s *shop) told() (out []string) {
	s.t.Helper()
	for r, err := range kafka.Scan(s.t.Context(), kafka.Connection{Brokers: s.env.Brokers}, []string{"alerts"}, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, r.Header(headerAlertName)+" "+r.Header(headerAlertState))
	}
	return out
}
