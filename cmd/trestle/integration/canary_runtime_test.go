package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/wire"
	secretsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/secrets/v1"
	vaultv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/vault/v1"
)

// secretInfos are the types of events in secretEvents, by their names.
func secretInfos() map[string]*event.EventInfo {
	infos := map[string]*event.EventInfo{}
	for _, info := range slices.Concat(secretsv1.Events(), vaultv1.Events()) {
		infos[info.Type] = info
	}
	return infos
}

// record is a record with that text.
func (e secretEvent) record(c *canaries, text string) *trestle.Record {
	return &trestle.Record{
		Topic: e.topic, Key: []byte(c.fill("@S")), Value: []byte(text), Timestamp: time.Now(),
		Headers: []trestle.Header{{Key: wire.HeaderEventType, Value: []byte(e.eventType)}},
	}
}

// secretSource is who publishes.
var secretSource = trestle.WithSource(trestle.Source{ServiceName: "a", ServiceVersion: "1", InstanceID: "b"})

// valid returns an event that keeps all rules.
func (e secretEvent) valid(t *testing.T, c *canaries) trestle.Event {
	t.Helper()
	text := e.enveloped(e.payload(c, ""))
	decoded, err := event.Decode(e.record(c, text), event.NewTypes(secretInfos()[e.eventType]), event.DecodeOptions{})
	if err != nil {
		t.Fatalf("%v\nof %s", err, text)
	}
	return decoded.Event
}

// damage cuts a binary record short, or has a text in it be no UTF-8. A tag is left alone: with another one, what stands behind it
// would be another field's, which may be one that is shown.
func (c *canaries) damage(record []byte) []byte {
	out := slices.Clone(record)
	isLetter := func(b byte) bool { return 'A' <= b && b <= 'Z' }
	at := 3 + c.random.IntN(len(out)-6)
	if inText := !slices.ContainsFunc(out[at-3:at+4], func(b byte) bool { return !isLetter(b) }); !inText {
		return out[:at]
	}
	out[at] |= 0x80
	return out
}

// allOf is what programs write of a value, by every verb and both of slog's handlers.
func allOf(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	fmt.Fprintln(&b, v)
	fmt.Fprintf(&b, "%v %+v\n", []any{v}, map[string]any{"v": v})
	fmt.Fprintf(&b, "%+v %#v\n", struct{ V any }{v}, struct{ V any }{v})
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("said", slog.Any("value", v), slog.Group("in", slog.Any("value", v)))
	}
	return b.String()
}

// TestCanariesInValues prints events, what is wrong with them, and what holds them.
func TestCanariesInValues(t *testing.T) {
	t.Parallel()
	infos := secretInfos()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		for _, e := range secretEvents {
			types := event.NewTypes(infos[e.eventType])
			valid := e.valid(t, c)
			c.search(t, e.eventType+" printed", allOf(valid))
			recorder := trestletest.NewRecorder(t, secretSource)
			if err := recorder.Publisher().Publish(t.Context(), valid); err != nil {
				t.Fatal(err)
			}
			for _, sent := range recorder.Sent() {
				c.search(t, "what a recorder has", allOf(sent))
				c.search(t, "what a recorder has", allOf(sent.Record))
			}
			binary := recorder.Sent()[0].Record.Value
			refused := 0
			for _, payload := range e.wrong(c) {
				for _, text := range []string{e.enveloped(payload), payload} {
					r := e.record(c, text)
					c.search(t, "a record printed", allOf(r))
					if infos[e.eventType].Encoding != event.JSON && text == payload { // in place of the text, a binary record that was damaged
						r.Value, r.Headers = c.damage(binary), recorder.Sent()[0].Record.Headers
					}
					decoded, err := event.Decode(r, types, event.DecodeOptions{KnownOnly: c.random.IntN(2) == 0, StrictTime: true})
					if err != nil {
						refused++
						c.search(t, e.eventType+" refused", allOf(err))
						if invalid, ok := errors.AsType[*event.ValidationError](err); ok {
							c.search(t, e.eventType+" refused", allOf(invalid.Violations))
						}
						continue
					}
					if decoded.Event != nil {
						c.search(t, e.eventType+" read", allOf(decoded.Event))
					}
				}
			}
			if refused < 300 {
				t.Errorf("%s: %d were refused: too few", e.eventType, refused)
			}
		}
	})
}

// sayings are what a test has been told while something ran.
type sayings struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *sayings) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(b)
}

// has says whether something was said since take was called last.
func (h *sayings) has(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.text.String(), text)
}

// take returns what was said since it was asked last.
func (h *sayings) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.text.Reset()
	return h.text.String()
}

// listening is a telemetry that hears everything.
type listening struct {
	log     *sayings
	logger  *slog.Logger
	metrics *prometheus.Registry
	meter   *sdkmetric.MeterProvider
	spans   *tracetest.SpanRecorder
	tracer  *sdktrace.TracerProvider
}

func listenToAll(t *testing.T) *listening {
	t.Helper()
	l := &listening{log: new(sayings), metrics: prometheus.NewRegistry(), spans: tracetest.NewSpanRecorder()}
	all := &slog.HandlerOptions{Level: slog.LevelDebug - 4, AddSource: true}
	l.logger = slog.New(slog.NewMultiHandler(slog.NewTextHandler(l.log, all), slog.NewJSONHandler(l.log, all)))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(l.metrics))
	if err != nil {
		t.Fatal(err)
	}
	l.meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	l.tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(l.spans))
	return l
}

func (l *listening) options() []trestle.Option {
	return []trestle.Option{trestle.WithLogger(l.logger), trestle.WithMeterProvider(l.meter), trestle.WithTracerProvider(l.tracer)}
}

// exposition is what Prometheus would read.
func (l *listening) exposition() string {
	w := httptest.NewRecorder()
	promhttp.HandlerFor(l.metrics, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// traced is what spans say.
func (l *listening) traced() string {
	var b strings.Builder
	for _, s := range l.spans.Ended() {
		fmt.Fprintf(&b, "%s %v %+v %v\n", s.Name(), s.Attributes(), s.Status(), s.Links())
		for _, e := range s.Events() {
			fmt.Fprintf(&b, "  %s %v\n", e.Name, e.Attributes)
		}
	}
	return b.String()
}

// TestCanariesAtRuntime publishes and consumes events, valid ones and others, with handlers that fail in every way, in a cluster
// that refuses some. All that is logged, measured, traced, said of health and written into dead letters is searched.
func TestCanariesAtRuntime(t *testing.T) {
	t.Parallel()
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		l := listenToAll(t)
		cluster := trestletest.NewCluster(t, slices.Concat(secretsv1.Topics(), vaultv1.Topics()))
		var forPublisher []trestle.PublisherOption
		var forConsumer []trestle.ConsumerOption
		for _, o := range l.options() {
			forPublisher, forConsumer = append(forPublisher, o), append(forConsumer, o)
		}
		pub := cluster.Publisher(append(forPublisher, secretSource, trestle.WithDeliveryTimeout(2*time.Second))...)
		written := publishSecrets(t, c, cluster, pub)
		c.search(t, "the publisher's health", allOf(pub.Health()))

		var mu sync.Mutex
		done, calls, panics := 0, 0, 0
		var outcomes []string
		all := make(chan struct{})
		consumer, err := trestle.NewConsumer(cluster.Brokers(), "readers", append(forConsumer,
			trestle.WithRetries(1), trestle.WithBackoff(time.Millisecond, time.Millisecond), trestle.WithoutBreaker(), trestle.WithStart(trestle.Earliest),
			trestle.WithObserver(func(o trestle.Outcome) {
				mu.Lock()
				defer mu.Unlock()
				outcomes = append(outcomes, allOf(o), allOf(o.Err))
				if done++; done == written {
					close(all)
				}
			}))...)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range secretInfos() {
			trestle.HandleInfo(consumer, info, func(ctx context.Context, e trestle.Event) error {
				mu.Lock()
				calls++
				call := calls
				mu.Unlock()
				d, _ := trestle.DeliveryFrom(ctx)
				l.logger.InfoContext(ctx, "handling", slog.Any("event", e), slog.Any("delivery", d), slog.Any("lag", consumer.Lag()))
				switch call % 7 {
				case 0:
					return fmt.Errorf("can't handle %v, %+v, %#v, %s of %v", e, e, e, e, d)
				case 1:
					panics++
					panic(e)
				case 2:
					panic(struct{ Event any }{e})
				case 3:
					panic(fmt.Errorf("of %q: %+v", map[string]any{"event": e}, d))
				case 4:
					return trestle.Permanent(fmt.Errorf("never: %v", []any{e}))
				}
				return nil
			})
		}
		stop := trestletest.Run(t, consumer)
		select {
		case <-all:
		case <-time.After(patience):
			t.Fatalf("%d of %d events were done", done, written)
		}
		ready := httptest.NewRecorder()
		trestle.ReadyHandler(consumer, pub).ServeHTTP(ready, httptest.NewRequest("GET", "/", nil))
		c.search(t, "health", ready.Body.String()+allOf(consumer.Health())+allOf(consumer.Lag()))
		stop()

		log := l.log.take()
		for by, text := range map[string]string{"the log": log, "metrics": l.exposition(), "spans": l.traced(), "outcomes": strings.Join(outcomes, "\n")} {
			c.search(t, by, text)
		}
		for _, says := range []string{"handler panicked", "event written to its dead letter", "handler failed", "level=DEBUG", "level=INFO"} {
			if !strings.Contains(log, says) {
				t.Errorf("the log never says %q: is it searched at all?", says)
			}
		}
		if panics == 0 || !strings.Contains(l.exposition(), "trestle_event_type=") || len(l.spans.Ended()) < 50 {
			t.Errorf("%d panics, %d spans, metrics: %.300s", panics, len(l.spans.Ended()), l.exposition())
		}
		searchLetters(t, c, cluster)
	})
}

// publishSecrets publishes and writes events of all kinds, and returns how many records there are. What fails is searched.
func publishSecrets(t *testing.T, c *canaries, cluster *trestletest.Cluster, pub *trestle.Publisher) (written int) {
	t.Helper()
	client, err := cluster.Connection().Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, e := range secretEvents {
		for range 9 {
			if err := pub.Publish(t.Context(), e.valid(t, c)); err != nil {
				t.Fatal(err)
			}
			written++
		}
		cluster.RefuseWrites(e.topic, kerr.PolicyViolation, 1)
		err := pub.Publish(t.Context(), e.valid(t, c))
		if err == nil {
			t.Fatal("the cluster took what it was to refuse")
		}
		c.search(t, "what a publisher says of a refusal", allOf(err))
		wrong := e.wrong(c)
		var records []*kgo.Record
		for range 60 {
			r := e.record(c, e.enveloped(wrong[c.random.IntN(len(wrong))]))
			records = append(records, connection.ToClient(r))
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		written += len(records)
	}
	for _, e := range brokenSecrets(c) {
		err := pub.Publish(t.Context(), e)
		if err == nil {
			t.Errorf("an event that breaks rules was published: %v", e)
		}
		c.search(t, "what a publisher says of an event that breaks rules", allOf(err))
	}
	return written
}

// brokenSecrets are events that break a rule each.
func brokenSecrets(c *canaries) []trestle.Event {
	text := func(template string) *string { s := c.fill(template); return &s }
	return []trestle.Event{
		&secretsv1.AccountOpened{Id: "a", Iban: text("@Y")},
		&secretsv1.AccountOpened{Id: "a", Born: text("@S")},
		&secretsv1.AccountOpened{Id: "a", Codes: []string{*text("@S")}},
		&secretsv1.AccountOpened{Id: "a", Answers: map[string]string{*text("@S"): *text("@S")}},
		&secretsv1.AccountOpened{Id: "a", Vault: &secretsv1.Vault{Door: *text("@S")}},
		&secretsv1.AccountOpened{Id: "a", Notes: jsonio.Raw(*text(`{"@S":`))},
		&secretsv1.AccountOpened{Id: "far too long", Owner: &secretsv1.Person{Id: *text("@S")}},
		&vaultv1.VaultOpened{Id: "bad", Text: *text("@S")},
		&vaultv1.VaultOpened{Text: *text("@S@S@S")},
		&vaultv1.VaultOpened{Text: *text("@S") + "\xff"},
		&vaultv1.VaultOpened{Quoted: *text("@S")},
		&vaultv1.VaultOpened{Maybe: text("@S")},
		&vaultv1.VaultOpened{Texts: []string{*text("@S@S@S")}},
		&vaultv1.VaultOpened{ByName: map[string]string{*text("@S@S@S"): *text("@S")}},
		&vaultv1.VaultOpened{Safe: &vaultv1.Safe{Door: *text("@S@S@S")}},
		&vaultv1.VaultSealed{Id: "bad", Text: *text("@S")},
		&vaultv1.VaultSealed{Text: *text("@S@S@S")},
		&vaultv1.VaultSealed{Text: *text("@S") + "\xff"},
		&vaultv1.VaultSealed{Person: &vaultv1.Person{Id: *text("@S@S@S")}},
	}
}

// searchLetters searches what dead letters say. They hold the original as it was, its key, value and headers, since a replay needs
// it: what reads them masks it. That is allowed, and left out of the search; so is the letter's own key, which is the original's.
func searchLetters(t *testing.T, c *canaries, cluster *trestletest.Cluster) {
	t.Helper()
	letters, kept := 0, 0
	for _, e := range secretEvents {
		for r, err := range connection.Scan(t.Context(), cluster.Connection(), []string{e.topic + "_dlq"}, connection.FromStart(), connection.ToEnd()) {
			if err != nil {
				t.Fatal(err)
			}
			letter, err := deadletter.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			letters++
			if _, _, found := c.find(string(letter.Original.Value)); found {
				kept++
			}
			c.search(t, "a dead letter printed", allOf(letter)+allOf(*letter))
			letter.Original.Key, letter.Original.Value, letter.Original.Headers = nil, nil, nil
			c.search(t, "a dead letter's value beside its original", string(letter.AppendJSON(nil)))
			for _, h := range r.Headers {
				c.search(t, "a dead letter's header "+h.Key, string(h.Value))
			}
		}
	}
	if letters < 50 || kept < 50 {
		t.Errorf("%d dead letters, %d with what they were of: too few to say anything", letters, kept)
	}
}
