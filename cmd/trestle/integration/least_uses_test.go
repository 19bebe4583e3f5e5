package integration_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// topic is a topic's name where the actor works.
func (a *actor) topic(name string) string { return a.env.Prefix + "omninode_codegen_" + name }

// dyingStore is an outbox whose relay dies once after it has published a batch, before it has noted that.
type dyingStore struct {
	outbox.Store
	died atomic.Bool
}

const relayDied = "the relay died"

func (s *dyingStore) Next(ctx context.Context, lease outbox.Lease, finished int64, rows, bytes int, position func(topic string) outbox.Position) (outbox.Batch, error) {
	if finished > 0 && s.died.CompareAndSwap(false, true) {
		return outbox.Batch{}, errors.New(relayDied)
	}
	return s.Store.Next(ctx, lease, finished, rows, bytes, position)
}

// relay publishes by an outbox, whose relay finds out after it has died what it had published.
func (a *actor) relay() {
	archon, claude := a.sides()
	defer archon.close()
	defer claude.close()
	db, err := sqlite.Open(a.ctx, filepath.Join(a.dir, "outbox.db"))
	if err != nil {
		panic(err)
	}
	defer db.Close()
	pub, err := trestle.NewPublisher(a.conn.Brokers, trestle.WithConnection(a.conn), trestle.WithOutbox(db.Outbox()), trestle.WithNames(a.env.Names()), trestle.WithLogger(archon.log))
	if err != nil {
		panic(err)
	}
	defer pub.Close(context.Background())
	err = db.InTx(a.ctx, func(ctx context.Context) error {
		return pub.Publish(ctx, &codegenv1.CodegenPatternResponse{CorrelationId: uuid.NewString(), SessionId: stagedSession, TotalMatches: new(int64), ProcessingTimeMs: new(int64(1))})
	})
	if err != nil {
		panic(err)
	}
	relay, err := outbox.NewRelay(a.conn.Brokers, &dyingStore{Store: db.Outbox()}, outbox.WithConnection(a.conn), outbox.WithLogger(archon.log))
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(a.ctx)
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	for a.ctx.Err() == nil {
		status, err := relay.Status(a.ctx)
		if err == nil && status.Depth == 0 {
			break
		}
		_ = connection.Sleep(a.ctx, 50*time.Millisecond)
	}
	a.linger()
	stop()
	a.does("relay", <-ended)
	if a.lacks != nil {
		return
	}
	n := 0
	for _, err := range connection.Scan(a.ctx, claude.conn, []string{a.topic("response_pattern_v1")}, connection.FromStart(), connection.ToEnd()) {
		a.does("read responses", err)
		n++
	}
	if n != 1 {
		fmt.Fprintf(a.lines, "what was relayed is there %d times\n", n)
	}
}

// handling has archon handle requests by a function, without retries: what fails is a dead letter.
func (s *side) handling(handle func(r *codegenv1.CodegenPatternRequest) error, opts ...trestle.ConsumerOption) (stop func()) {
	return s.consume(codegenv1.GroupOmniarchonCodegenIntelligence, func(c *trestle.Consumer) {
		trestle.Handle(c, func(_ context.Context, r *codegenv1.CodegenPatternRequest) error { return handle(r) })
	}, opts...)
}

func (s *side) request(description string) {
	s.says("publish a request", s.pub.Publish(s.a.ctx, &codegenv1.CodegenPatternRequest{
		CorrelationId: uuid.NewString(), SessionId: stagedSession, NodeDescription: &description, NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
	}))
}

// resolvedBefore has something stand in the topic of resolutions: of an empty topic nobody asks for records.
func (a *actor) resolvedBefore() {
	record := &kgo.Record{Topic: a.env.Prefix + replay.ResolutionsTopic, Key: []byte("of a later version")}
	if err := a.kafka.client.ProduceSync(a.ctx, record).FirstErr(); err != nil {
		panic(err)
	}
}

// replay replays the dead letter of a request, in the program that has written it.
func (a *actor) replay() {
	archon, claude := a.sides()
	defer archon.close()
	defer claude.close()
	a.resolvedBefore()
	handled, dead := make(chan struct{}, 10), make(chan struct{}, 10)
	defer archon.handling(func(r *codegenv1.CodegenPatternRequest) error {
		if len(dead) == 0 {
			return trestle.Permanent(errors.New("no pattern"))
		}
		handled <- struct{}{}
		return nil
	}, trestle.WithObserver(func(o trestle.Outcome) {
		if o.Result == trestle.DeadLettered {
			dead <- struct{}{}
		}
	}))()
	claude.request(again)
	for len(dead) == 0 && a.ctx.Err() == nil {
		_ = connection.Sleep(a.ctx, 20*time.Millisecond)
	}
	r, err := replay.New(a.conn, replay.Options{Resolutions: a.env.Prefix + replay.ResolutionsTopic})
	if err != nil {
		panic(err)
	}
	selection, err := r.Select(a.ctx, replay.Filter{Topics: []string{a.topic("dlq_pattern_v1")}})
	a.does("select letters", err)
	if err == nil {
		counts, err := selection.Replay(a.ctx, replay.ReplayOptions{})
		a.does("replay letters", err)
		if err == nil && counts.Done != 1 {
			fmt.Fprintf(a.lines, "replayed: %+v\n", counts)
		}
		a.await("the event is handled after its replay", handled)
	}
	a.linger()
}

// outage has what requests depend on be away for some of them, whose dead letters the consumer replays by itself.
func (a *actor) outage() {
	archon, claude := a.sides()
	defer archon.close()
	defer claude.close()
	a.resolvedBefore()
	const letters = 3
	var calls atomic.Int64
	handled := make(chan struct{}, 10)
	defer archon.handling(func(r *codegenv1.CodegenPatternRequest) error {
		switch n := calls.Add(1); {
		case n <= letters:
			return errors.New("no pattern") // which is a dead letter: it is not known to be an outage yet
		case n == letters+1:
			return trestle.Unavailable(errors.New("no pattern"))
		}
		handled <- struct{}{}
		return nil
	}, trestle.WithKeyWorkers(1), trestle.WithBreaker(trestle.Breaker{Replay: true, Lowest: 10 * time.Millisecond, Highest: 10 * time.Millisecond}))()
	for range letters + 1 {
		claude.request(again)
	}
	for range letters + 1 {
		a.await("an event is handled after the outage", handled)
	}
	a.linger()
}
