package integration_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/cmd/trestle/ops/grants"
	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	connection "github.com/omninode/trestle/runtime/kafka"
)

// log is where the programs of an actor's service log.
func (a *actor) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.lines, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return attr
	}}))
}

// quiet is that of its counterpart, which may do everything.
var quiet = slog.New(slog.DiscardHandler)

// side is one of the two who talk to each other.
type side struct {
	a    *actor
	conn connection.Connection
	log  *slog.Logger
	says func(what string, err error)
	pub  *trestle.Publisher
}

// sides are the service that is tried, and its counterpart.
func (a *actor) sides() (tried, other *side) {
	tried = &side{a: a, conn: a.conn, log: a.log(), says: a.does}
	other = &side{a: a, conn: connection.Connection{Brokers: a.brokers}, log: quiet, says: func(string, error) {}}
	for _, s := range []*side{tried, other} {
		pub, err := trestle.NewPublisher(s.conn.Brokers, trestle.WithConnection(s.conn), trestle.WithNames(a.env.Names()), trestle.WithLogger(s.log), trestle.WithDeliveryTimeout(10*time.Second))
		if err != nil {
			panic(err)
		}
		s.pub = pub
	}
	return tried, other
}

func (s *side) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.pub.Close(ctx)
}

// consumer is a consumer of the side's, which runs until stop is called. Its dead letters are what its handlers say they are to be.
func (s *side) consume(group trestle.Group, handle func(*trestle.Consumer), opts ...trestle.ConsumerOption) (stop func()) {
	group.Start = trestle.Earliest
	c, err := trestle.NewConsumer(s.conn.Brokers, group, append(opts, trestle.WithConnection(s.conn), trestle.WithNames(s.a.env.Names()), trestle.WithLogger(s.log),
		trestle.WithRetries(0), trestle.WithDrainTimeout(time.Second))...)
	if err != nil {
		panic(err)
	}
	handle(c)
	ctx, cancel := context.WithCancel(s.a.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.says("consume", c.Run(ctx))
	}()
	return func() { cancel(); <-ended }
}

func status(correlation string) *codegenv1.CodegenStatusEvent {
	return &codegenv1.CodegenStatusEvent{
		SessionId: stagedSession, Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, Message: new("at work " + correlation), ProgressPercentage: new(50.0),
	}
}

// The descriptions of requests, by what becomes of them.
const (
	good     = "good"     // answered
	again    = "again"    // at the second time
	bad      = "bad"      // given up
	rejected = "rejected" // answered, and the answer is given up
)

// answering answers requests, as omniarchon does.
func (s *side) answering(opts ...trestle.ConsumerOption) (stop func()) {
	return s.consume(codegenv1.GroupOmniarchonCodegenIntelligence, func(c *trestle.Consumer) {
		trestle.Answer(c, s.pub, func(ctx context.Context, r *codegenv1.CodegenPatternRequest) (*codegenv1.CodegenPatternResponse, error) {
			d, _ := trestle.DeliveryFrom(ctx)
			if r.GetNodeDescription() == bad {
				return nil, trestle.Permanent(errors.New("no pattern"))
			}
			if r.GetNodeDescription() == again && d.Attempt == 1 {
				return nil, errors.New("not yet")
			}
			if err := s.pub.Publish(ctx, status(r.GetCorrelationId())); err != nil {
				return nil, fmt.Errorf("publish a status: %w", err)
			}
			matches := int64(0)
			if r.GetNodeDescription() == rejected {
				matches = 13
			}
			return &codegenv1.CodegenPatternResponse{CorrelationId: r.GetCorrelationId(), SessionId: r.GetSessionId(), TotalMatches: &matches, ProcessingTimeMs: new(int64(1))}, nil
		})
	}, append(opts, trestle.WithRetryTopics(stepTopic, trestle.RetryTopic{Name: stepTopic + "_retry", Delay: 50 * time.Millisecond}))...)
}

// calling asks as omniclaude does, for one thing after the other.
func (s *side) calling(descriptions ...string) {
	caller, err := trestle.NewCaller(s.conn.Brokers, trestle.WithPublisher(s.pub), trestle.WithConnection(s.conn), trestle.WithLogger(s.log))
	if err != nil {
		panic(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = caller.Close(ctx)
	}()
	for _, description := range descriptions {
		seen := make(chan struct{}, 10)
		_, err := trestle.Call[*codegenv1.CodegenPatternResponse](s.a.ctx, caller, &codegenv1.CodegenPatternRequest{
			CorrelationId: uuid.NewString(), SessionId: stagedSession, NodeDescription: &description, NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT,
		}, trestle.WithStatus(func(context.Context, *codegenv1.CodegenStatusEvent) { seen <- struct{}{} }))
		if _, unanswered := errors.AsType[*trestle.UnansweredError](err); unanswered && description == bad {
			continue
		}
		s.says("ask for "+description, err)
	}
}

// ask does what omniclaude does.
func (a *actor) ask() {
	claude, archon := a.sides()
	defer claude.close()
	defer archon.close()
	defer archon.answering()()
	handled, rejectedOne := make(chan struct{}, 10), make(chan struct{}, 10)
	defer claude.consume(codegenv1.GroupOmniclaudeCodegenConsumer, func(c *trestle.Consumer) {
		trestle.Handle(c, func(_ context.Context, r *codegenv1.CodegenPatternResponse) error {
			if r.GetTotalMatches() == 13 {
				return trestle.Permanent(errors.New("rejected"))
			}
			handled <- struct{}{}
			return nil
		})
	}, trestle.WithObserver(func(o trestle.Outcome) {
		if o.Result == trestle.DeadLettered {
			rejectedOne <- struct{}{}
		}
	}))()
	claude.calling(good, bad, rejected)
	a.does("publish a status", claude.pub.Publish(a.ctx, status("here")))
	a.await("a response is handled", handled)
	a.await("a response is a dead letter", rejectedOne)
	a.linger()
}

// linger keeps what runs going until it has said what it can't do: some of that comes behind the work.
func (a *actor) linger() {
	if a.lacks != nil {
		<-a.ctx.Done()
	}
}

func (a *actor) await(what string, done <-chan struct{}) {
	select {
	case <-done:
	case <-a.ctx.Done():
		fmt.Fprintf(a.lines, "not done: %s\n", what)
	}
}

// answer does what omniarchon does.
func (a *actor) answer() {
	archon, claude := a.sides()
	defer archon.close()
	defer claude.close()
	use := trestle.WithTransactions(archon.pub)
	if a.part.uses[0] == grants.HeldKeys {
		use = trestle.WithHeldKeys(stepTopic)
	}
	defer archon.answering(use)()
	claude.calling(good, again, bad)
	topic, err := a.env.Names().Topic("omninode_codegen_status_session_v1")
	if err != nil {
		panic(err)
	}
	for _, err := range connection.Scan(a.ctx, archon.conn, []string{topic}, connection.FromStart(), connection.ToEnd()) {
		a.does("read statuses", err)
	}
	a.linger()
}

// largeRequest has a request on a topic that no schema lets be so large: the topic's own limit was raised.
func (a *actor) largeRequest() {
	ctx, topic := a.ctx, a.env.Prefix+stepTopic
	limit := "3145728"
	altered, err := a.kafka.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, topic)
	if err == nil {
		_, err = altered.On(topic, nil)
	}
	if err != nil {
		panic(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(a.brokers...), kgo.ProducerBatchMaxBytes(3<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	id := uuid.NewString()
	value := fmt.Sprintf(`{"event_type":"CodegenPatternRequest","correlation_id":%q,"session_id":%q,"timestamp":"2025-10-16T12:00:00Z","payload":{"correlation_id":%[1]q,"session_id":%[2]q,`+
		`"node_description":%q,"node_type":"effect"}}`, id, stagedSession, strings.Repeat("a", 2<<20))
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte(id), Value: []byte(value)}).FirstErr(); err != nil {
		panic(err)
	}
}

// readLarge does what omniarchon does with a request that is larger than its schema says.
func (a *actor) readLarge() {
	archon, claude := a.sides()
	defer archon.close()
	defer claude.close()
	a.largeRequest()
	done := make(chan struct{}, 1)
	defer archon.consume(codegenv1.GroupOmniarchonCodegenIntelligence, func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenPatternRequest) error { return nil })
	}, trestle.WithObserver(func(trestle.Outcome) { done <- struct{}{} }))()
	a.await("the request is read", done)
	a.linger()
}
