package trestle

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestWhatRefusesALetter(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		kerr.UnknownTopicOrPartition:                          true,
		kerr.TopicAuthorizationFailed:                         true,
		kerr.ClusterAuthorizationFailed:                       true,
		kerr.PolicyViolation:                                  true,
		kerr.InvalidRecord:                                    true,
		kerr.MessageTooLarge:                                  true,
		fmt.Errorf("produce: %w", kerr.InvalidTopicException): true,
		kerr.NotLeaderForPartition:                            false,
		kerr.NotEnoughReplicas:                                false,
		kerr.LeaderNotAvailable:                               false,
		kerr.SaslAuthenticationFailed:                         false,
		kerr.UnsupportedSaslMechanism:                         false,
		kgo.ErrClientClosed:                                   false,
		kgo.ErrRecordTimeout:                                  false,
		context.DeadlineExceeded:                              false,
		errors.New("connection refused"):                      false,
	} {
		if got := refusesLetter(err); got != want {
			t.Errorf("%v: got %t", err, got)
		}
	}
}

func TestRefusalsInARow(t *testing.T) {
	t.Parallel()
	no := kerr.UnknownTopicOrPartition
	begin := time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC)
	var r refusals
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	add := func(seconds float64, want bool) {
		t.Helper()
		if got := r.add(at(seconds), no); got != want {
			t.Errorf("refused at %v s: for good %t, want %t", seconds, got, want)
		}
	}
	stands := func(seconds float64, want error) {
		t.Helper()
		if got := r.standing(at(seconds)); got != want {
			t.Errorf("at %v s: got %v, want %v", seconds, got, want)
		}
	}
	stands(0, nil)
	add(0, false)
	add(1, false)
	add(4.9, false)
	stands(4.9, nil)
	add(5, true)
	stands(5.5, no)
	stands(6, nil) // it is asked
	stands(6.5, no)
	add(6.6, true)
	stands(7.1, nil)
	stands(12, nil) // it has not answered since 6.6
	add(12, false)  // and this is another matter
	add(17, false)
	add(17.1, true)
	r.end()
	stands(17.2, nil)
	add(17.3, false)

	r = refusals{}
	add(0, false)
	add(5, false) // twice is not often
	add(5.1, true)
}
