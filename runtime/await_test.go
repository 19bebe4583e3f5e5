package trestle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// abandon sends a request under a caller's name, whose process then dies: its call gets no response.
func abandon(t *testing.T, c *cluster, name, order string) (correlationID string) {
	t.Helper()
	caller, err := trestle.NewCaller(c.brokers, trestle.WithLogger(quiet), trestle.WithCallerName(name))
	if err != nil {
		t.Fatal(err)
	}
	correlationID = uuid.NewString()
	before := c.end(asks.Name)
	failed := make(chan error, 1)
	go func() {
		_, err := trestle.Call[*price](deadline(t), caller, ask(order), trestle.WithCorrelationID(correlationID))
		failed <- err
	}()
	eventually(t, "the request is written", func() bool { return c.end(asks.Name) == before+1 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_ = caller.Close(gone)
	if err := <-failed; !errors.Is(err, trestle.ErrCallerClosed) {
		t.Fatalf("the call of a closed caller: %v", err)
	}
	return correlationID
}

// TestReplySurvivesTheCallersRestart has responses come while their caller is away, and after it is back.
func TestReplySurvivesTheCallersRestart(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	since := time.Now()
	early, late, others := abandon(t, c, "web-1", "early"), abandon(t, c, "web-1", "late"), abandon(t, c, "web-2", "others")
	release := make(chan struct{})
	answer(t, c, newPublisher(t, c.brokers), func(ctx context.Context, a *askPrice) (*price, error) {
		if a.OrderID == "late" {
			select {
			case <-release:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return echo(ctx, a)
	})
	eventually(t, "two requests are answered", func() bool { return c.end(prices.Name) == 2 })

	again := newCaller(t, c, trestle.WithCallerName("web-1"))
	got, err := trestle.AwaitReply[*price](deadline(t), again, strings.ToUpper(early), since)
	if err != nil || got.OrderID != "early" {
		t.Errorf("the response that came meanwhile: %+v, %v", got, err)
	}
	if got, err = trestle.AwaitReply[*price](deadline(t), again, early, since); err != nil || got.OrderID != "early" {
		t.Errorf("the same response once more: %+v, %v", got, err)
	}
	type result struct {
		got *price
		err error
	}
	waited := make(chan result, 1)
	go func() {
		got, err := trestle.AwaitReply[*price](deadline(t), again, late, since)
		waited <- result{got, err}
	}()
	close(release)
	if r := <-waited; r.err != nil || r.got.OrderID != "late" {
		t.Errorf("the response that came later: %+v, %v", r.got, r.err)
	}
	if got, err := trestle.Call[*price](deadline(t), again, ask("new")); err != nil || got.OrderID != "new" {
		t.Errorf("a call of the new caller: %+v, %v", got, err)
	}

	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var failed *trestle.CallError
	if got, err := trestle.AwaitReply[*price](short, again, others, since); !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) || failed.CorrelationID != others {
		t.Errorf("the response to another caller: %+v, %v", got, err)
	}
	short, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if got, err := trestle.AwaitReply[*price](short, again, early, time.Now().Add(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a response from before the time that is looked at: %+v, %v", got, err)
	}
}

func TestAwaitReplyRefuses(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	nameless, named := newCaller(t, c), newCaller(t, c, trestle.WithCallerName("web-1"))
	_, emptyErr := trestle.NewCaller(c.brokers, trestle.WithCallerName(""))
	_, namelessErr := trestle.AwaitReply[*price](deadline(t), nameless, uuid.NewString(), time.Now())
	_, noIDErr := trestle.AwaitReply[*price](deadline(t), named, "", time.Now())
	for want, err := range map[string]error{
		"WithCallerName: must have 1 to 255 bytes": emptyErr, "give it WithCallerName": namelessErr, "no correlation id": noIDErr,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

// TestAwaitReplyLearnsOfDeadLetters has requests go to their dead letters while their caller is away, and after it is back.
func TestAwaitReplyLearnsOfDeadLetters(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	since := time.Now()
	early, late, fine := abandon(t, c, "web-1", "early"), abandon(t, c, "web-1", "late"), abandon(t, c, "web-1", "fine")
	release := make(chan struct{})
	answer(t, c, newPublisher(t, c.brokers), func(ctx context.Context, a *askPrice) (*price, error) {
		switch a.OrderID {
		case "fine":
			return echo(ctx, a)
		case "late":
			select {
			case <-release:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return nil, trestle.Permanent(errors.New("no price for " + a.OrderID))
	})
	eventually(t, "one request is answered and one given up", func() bool { return c.end(prices.Name) == 1 && c.end(orders.DeadLetter) == 1 })

	again := newCaller(t, c, trestle.WithCallerName("web-1"))
	await := func(id string, opts ...trestle.AwaitOption) error {
		_, err := trestle.AwaitReply[*price](deadline(t), again, id, since, opts...)
		return err
	}
	unanswered := func(what, order string, err error) {
		t.Helper()
		var given *trestle.UnansweredError
		if !errors.As(err, &given) || given.Message != "no price for "+order || given.Group != testGroup || given.Topic != orders.DeadLetter {
			t.Errorf("%s: %v", what, err)
		}
	}
	ofRequest := trestle.WithRequestType[askPrice]()
	unanswered("the letter that came meanwhile", "early", await(early, ofRequest))
	if err := await(fine, ofRequest); err != nil {
		t.Errorf("a request that was answered: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- await(late, ofRequest) }()
	close(release)
	unanswered("the letter that came later", "late", <-waited)

	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := trestle.AwaitReply[*price](short, again, early, since); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without the request's type: %v", err)
	}
	short, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := trestle.AwaitReply[*price](short, again, early, time.Now().Add(time.Hour), ofRequest); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a letter from before the time that is looked at: %v", err)
	}
	if err := await(early, trestle.WithRequestType[price]()); err == nil || !strings.Contains(err.Error(), `test.Price is answered by "", not by Price`) {
		t.Errorf("a type that is no request: %v", err)
	}
}

// TestTopicThatIsAwayHoldsUpNoOther has a caller wait for responses on a topic that can't be read now, and for one on another.
func TestTopicThatIsAwayHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	away := c.unreadable(prices.Name)
	caller := newCaller(t, c, trestle.WithCallerName("web-1"))
	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan error, 1)
	go func() {
		_, err := trestle.AwaitReply[*price](ctx, caller, uuid.NewString(), time.Now())
		held <- err
	}()
	if err := away.Wait(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	elsewhere, topic := priceInfo, *prices
	topic.Name, elsewhere.Topic = statuses.Name, &topic
	c.write(t, &kgo.Record{Topic: topic.Name, Value: replyJSON(conversationID, "Price", `{"order_id":"a"}`)})
	if got, err := caller.AwaitReplyInfo(deadline(t), &elsewhere, conversationID, time.Now()); err != nil || got.(*price).OrderID != "a" {
		t.Errorf("got %+v, %v", got, err)
	}
	cancel()
	if err := <-held; !errors.Is(err, context.Canceled) {
		t.Errorf("the topic that is away: %v", err)
	}
}
