package trestle_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
)

// whatIsWrong is the reasons of a health, with their topics.
func whatIsWrong(h trestle.HealthReporter) string {
	var codes []string
	for _, r := range h.Health().Reasons {
		codes = append(codes, strings.TrimSuffix(string(r.Code)+" "+r.Topic, " "))
	}
	return strings.Join(codes, ", ")
}

func wantHealth(t *testing.T, of trestle.HealthReporter, live bool, reasons string) {
	t.Helper()
	eventually(t, "health is "+reasons, func() bool { return whatIsWrong(of) == reasons })
	if h := of.Health(); h.Live != live || h.Ready != (reasons == "") {
		t.Errorf("got %+v, want live: %t", h, live)
	}
}

func TestHealthOfAConsumer(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick()...)
	if err != nil {
		t.Fatal(err)
	}
	fail := make(chan error, 1)
	trestle.Handle(consumer, func(context.Context, *orderPlaced) error { return <-fail })
	wantHealth(t, consumer, true, "not_running")

	join := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.CoordinatorLoadInProgress, Count: -1})
	r := run(t, consumer)
	wantHealth(t, consumer, true, "not_assigned")
	join.Remove()
	wantHealth(t, consumer, true, "")

	consumer.Pause(orders.Name, 1)
	wantHealth(t, consumer, true, "paused orders")
	consumer.Resume(orders.Name, 1)

	refuse := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.DeadLetter, Err: kerr.TopicAuthorizationFailed, Count: -1})
	c.write(t, orderRecord("a", 0))
	fail <- trestle.Permanent(errTransient)
	wantHealth(t, consumer, true, "dead_letter_refused orders")
	if text := consumer.Health().Reasons[0].Text; !strings.Contains(text, `offset 0 with key "a"`) {
		t.Errorf("got %q", text)
	}
	refuse.Remove()
	wantHealth(t, consumer, true, "")
	r.stop()
	wantHealth(t, consumer, true, "not_running")
}

func TestHealthWhileTheBreakerIsOpen(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.write(t, orderRecord("a", 0))
	var works atomic.Bool
	r := consume(t, c, func(context.Context, *orderPlaced) error {
		if works.Load() {
			return nil
		}
		return trestle.Unavailable(errTransient)
	}, trestle.WithBreaker(trestle.Breaker{Lowest: time.Millisecond, Highest: 10 * time.Millisecond}))
	wantHealth(t, r, true, "breaker_open orders")
	works.Store(true)
	wantHealth(t, r, true, "")
	r.stop()
}

func TestAFencedMemberIsNotLive(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	r := consume(t, c, ok, trestle.WithInstanceID("one"))
	wantHealth(t, r, true, "")
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetCommit}, Err: kerr.FencedInstanceID, Count: -1})
	eventually(t, "it is not live", func() bool { return !r.Health().Live })
	if got := whatIsWrong(r); got != "fenced" {
		t.Errorf("got %s: %+v", got, r.Health())
	}
	if err := r.end(); err == nil {
		t.Error("Run ended without an error")
	}
}

func TestHealthWhileTheClusterIsAway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, c *cluster) {
		p := newPublisher(t, c.brokers, c.option)
		caller := newCaller(t, c, trestle.WithPublisher(p))
		r := consume(t, c, ok)
		wantHealth(t, r, true, "")
		if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}); err != nil {
			t.Fatal(err)
		}
		wantHealth(t, p, true, "")
		wantHealth(t, caller, true, "")
		ready, live := trestle.ReadyHandler(r, p), trestle.LiveHandler(r, p)
		wantStatus(t, ready, 200)
		c.kit.Cut()
		eventually(t, "the consumer and the publisher say so", func() bool {
			return strings.Contains(whatIsWrong(r), "cluster_away") && whatIsWrong(p) == "cluster_away" && whatIsWrong(caller) == "cluster_away"
		})
		if got := wantStatus(t, ready, 503); got.Ready || !got.Live || len(got.Reasons) < 2 {
			t.Errorf("got %+v", got)
		}
		wantStatus(t, live, 200)
		c.kit.Heal()
		wantHealth(t, p, true, "")
		wantHealth(t, r, true, "")
		wantStatus(t, ready, 200)
		r.stop()
		if err := p.Close(deadline(t)); err != nil {
			t.Fatal(err)
		}
		wantHealth(t, p, true, "not_running")
	})
}

// startAgain starts a cluster where one was.
func startAgain(t *testing.T, port string) {
	t.Helper()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	startCluster(t, kfake.Ports(n))
}

func wantStatus(t *testing.T, h http.Handler, status int) (got trestle.Health) {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
	if answer.Code != status {
		t.Errorf("got status %d, want %d: %s", answer.Code, status, answer.Body)
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Error(err)
	}
	return got
}

func TestLagNamesTheOldestKey(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"a"}, 3)
	running := make(chan struct{})
	goOn := make(chan struct{})
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		if e.N == 1 {
			close(running)
			<-goOn
		}
		return nil
	})
	<-running
	var held []trestle.PartitionLag
	for _, lag := range r.Lag() {
		if lag.InHand > 0 {
			held = append(held, lag)
		}
	}
	if len(held) != 1 || held[0].Records != 2 || held[0].Offset != 1 || held[0].Key != "a" || held[0].EventType != "OrderPlaced" || held[0].Behind <= 0 {
		t.Errorf("got %+v", held)
	}
	close(goOn)
	r.stop()
}

// lineRecorder counts what is logged from warnings on.
type lineRecorder struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func (l *lineRecorder) Enabled(context.Context, slog.Level) bool { return true }

func (l *lineRecorder) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Level >= slog.LevelWarn || r.Message == "kafka: brokers answer again" {
		l.lines = append(l.lines, r.Message)
	}
	return nil
}

// count counts lines; which is a part of each, or empty.
func (l *lineRecorder) count(which string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, which) {
			n++
		}
	}
	return n
}

// dials counts connections that failed.
type dials struct{ failed atomic.Int64 }

func (d *dials) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		d.failed.Add(1)
	}
}

func TestAReconnectingClientIsOneLine(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	lines, failed := &lineRecorder{Handler: quiet.Handler()}, new(dials)
	r := consume(t, c, ok, trestle.WithLogger(slog.New(lines)), trestle.WithKafka(kgo.WithHooks(failed)))
	c.writeOrders(t, orderIDs(3), 1)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	before := lines.count("")
	_, port, err := net.SplitHostPort(c.brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	eventually(t, "it has tried to connect again and again, for long", func() bool {
		return failed.failed.Load() > 10 && strings.Contains(whatIsWrong(r), "cluster_away")
	})
	if n := lines.count("") - before; n != 1 {
		t.Errorf("an outage made %d lines, want 1: %q", n, lines.lines)
	}
	startAgain(t, port)
	eventually(t, "it says that it is over", func() bool { return lines.count("answer again") == 1 })
	_ = r.end() // the new cluster may not know its group
}

// TestEventsThatFailAlikeAreAFewLines has more than that fail in each of two ways, which has one say as much as the other.
func TestEventsThatFailAlikeAreAFewLines(t *testing.T) {
	t.Parallel()
	const events, alike = 40, 10
	c, lines := startCluster(t), &lineRecorder{Handler: quiet.Handler()}
	consume(t, c, func(context.Context, *orderPlaced) error { return trestle.Permanent(errors.New("no")) },
		trestle.WithLogger(slog.New(lines)), trestle.WithoutBreaker())
	c.writeOrders(t, orderIDs(events), 1)
	for range events {
		c.write(t, &kgo.Record{Topic: orders.Name, Value: []byte("{")})
	}
	eventually(t, "all dead-lettered", func() bool { return c.committed(testGroup) == 2*events })
	for line, want := range map[string]int{"handler failed": alike, "written to its dead letter": 2 * alike} {
		if n := lines.count(line); n != want {
			t.Errorf("%d lines say %q, want %d", n, line, want)
		}
	}
}
