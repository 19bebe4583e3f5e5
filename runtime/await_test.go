package trestle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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
