package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/wire"
	secretsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/secrets/v1"
	vaultv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/vault/v1"
)

// asking is an event as a request, which those of secretEvents are not.
type asking struct {
	trestle.Event
	info *trestle.EventInfo
}

func (a asking) EventInfo() *trestle.EventInfo { return a.info }

// TestCanariesInCalls asks for replies, and is answered with what is none, with dead letters, or not at all. All that a caller says of it is searched.
func TestCanariesInCalls(t *testing.T) {
	t.Parallel()
	asked, answered := secretEvents[0], secretEvents[1]
	infos := secretInfos()
	request := *infos[asked.eventType]
	request.Reply = answered.eventType
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		ctx := within(t, patience)
		l := listenToAll(t)
		cluster := trestletest.NewCluster(t, slices.Concat(secretsv1.Topics(), vaultv1.Topics()))
		pub := cluster.Publisher(trestle.WithLogger(l.logger), trestle.WithMeterProvider(l.meter), trestle.WithTracerProvider(l.tracer), secretSource)
		caller := cluster.Caller(trestle.WithPublisher(pub), trestle.WithLogger(l.logger), trestle.WithMeterProvider(l.meter), trestle.WithTracerProvider(l.tracer))
		client, err := cluster.Connection().Client(kgo.ConsumeTopics(asked.topic))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		// Requests are answered with what the test wants to try.
		answers := make(chan func(r *trestle.Record) *trestle.Record, 1)
		go func() {
			for ctx.Err() == nil {
				client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
					read := connection.FromClient(r)
					select {
					case answer := <-answers:
						client.Produce(ctx, connection.ToClient(answer(&read)), nil)
					default:
					}
				})
			}
		}()
		call := func(ctx context.Context, e trestle.Event) (trestle.Event, error) {
			got, err := caller.CallInfo(ctx, infos[answered.eventType], asking{e, &request}, trestle.WithCorrelationID(servicesCorrelation))
			c.search(t, "what a caller says", allOf(err))
			return got, err
		}
		for _, e := range brokenSecrets(c) {
			if _, isAccount := e.(*secretsv1.AccountOpened); !isAccount {
				continue
			}
			if _, err := call(ctx, e); err == nil {
				t.Errorf("a request that breaks rules was answered: %v", e)
			}
		}
		cluster.RefuseWrites(asked.topic, kerr.PolicyViolation, 1)
		if _, err := call(ctx, asked.valid(t, c)); !errors.Is(err, kerr.PolicyViolation) {
			t.Errorf("a request that the cluster refuses: %v", err)
		}
		soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		if _, err := call(soon, asked.valid(t, c)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a request that nobody answers: %v", err)
		}
		cancel()

		invalid, unanswered, read := 0, 0, 0
		wrong := answered.wrong(c)
		c.random.Shuffle(len(wrong), func(i, j int) { wrong[i], wrong[j] = wrong[j], wrong[i] })
		answer := func(with func(r *trestle.Record) *trestle.Record) {
			select {
			case answers <- with:
			case <-ctx.Done():
				t.Fatal("nobody takes what is to be answered")
			}
		}
		for _, payload := range wrong[:min(len(wrong), 300)] {
			if !json.Valid([]byte(answered.enveloped(payload))) {
				continue // whose it is can't be read: nobody gets it
			}
			answer(func(r *trestle.Record) *trestle.Record {
				reply := answered.record(c, answered.enveloped(payload))
				reply.Headers = append(reply.Headers, trestle.Header{Key: wire.HeaderCaller, Value: []byte(r.Header(wire.HeaderCaller))})
				return reply
			})
			got, err := call(ctx, asked.valid(t, c))
			if err == nil {
				read++
				c.search(t, "a reply printed", allOf(got))
			} else if _, ok := errors.AsType[*trestle.ValidationError](err); ok {
				invalid++
			} else if ctx.Err() != nil {
				t.Fatalf("after %d invalid replies and %d others: %v", invalid, read, err)
			}
		}
		for _, fault := range []func(trestle.Event) string{
			func(e trestle.Event) string { return fmt.Sprintf("can't handle %v", e) },
			func(e trestle.Event) string { return fmt.Sprintf("can't handle %+v, %#v", e, []any{e}) },
			func(e trestle.Event) string {
				return fmt.Sprint(pub.Publish(ctx, &secretsv1.AccountOpened{Id: "far too long", Iban: new(c.fill("@S"))}))
			},
		} {
			e := asked.valid(t, c)
			answer(func(r *trestle.Record) *trestle.Record {
				d := asked.letter(c, r, int(r.Offset))
				d.Original.Partition, d.Error.Message, d.Error.StackTrace, d.Unanswered = r.Partition, fault(e), "", []string{answered.eventType}
				return &trestle.Record{Topic: asked.topic + "_dlq", Key: r.Key, Value: d.AppendJSON(nil), Headers: d.Headers()}
			})
			_, err := call(ctx, e)
			if _, ok := errors.AsType[*trestle.UnansweredError](err); ok {
				unanswered++
			} else {
				t.Errorf("a request that is a dead letter: %v", err)
			}
		}
		if invalid < 50 || unanswered != 3 || read == 0 {
			t.Errorf("%d replies were invalid, %d requests were dead letters, %d replies were read: too few of a kind", invalid, unanswered, read)
		}
		log := l.log.take()
		for by, text := range map[string]string{"the log": log, "metrics": l.exposition(), "spans": l.traced(), "health": allOf(pub.Health())} {
			c.search(t, by, text)
		}
		if !strings.Contains(log, asked.topic) || !strings.Contains(l.exposition(), asked.eventType) || len(l.spans.Ended()) < 50 {
			t.Errorf("a caller says too little to be searched: %d bytes of log, %d of metrics, %d spans", len(log), len(l.exposition()), len(l.spans.Ended()))
		}
	})
}
