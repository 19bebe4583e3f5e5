package ops

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Whatever a value does, and whoever of several looks at it when and begins anew: alerts are raised and cleared in turn, raised with a value over its limit alone,
// and cleared at half of it, or once it has been within it for a while; at the end who was told knows how it is.
func TestAlarm(t *testing.T) {
	t.Parallel()
	const limit, settle, name = 10, 5 * time.Minute, "dead_letters:orders_dlq"
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		var told []Alert
		to := &receiver{func(_ context.Context, a Alert) error { told = append(told, a); return nil }, raisedAlerts{}}
		watchers := make([]*alertSender, 1+random.IntN(3))
		now := time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC)
		passed := make([]time.Time, len(watchers)) // when each has last seen the value over its limit, since it began
		value := 0
		look := func(who int) {
			if watchers[who] == nil || random.IntN(20) == 0 {
				watchers[who], passed[who] = &alertSender{to: to, alarm: newAlarm(settle)}, time.Time{}
			}
			before := len(told)
			seen := &Monitored{now, []Threshold{threshold(name, float64(value))}}
			if err := watchers[who].catchUp(t.Context(), seen); err != nil {
				t.Fatal(err)
			}
			if value > limit {
				passed[who] = now
			}
			for _, a := range told[before:] {
				switch {
				case a.State == AlertRaised && value <= limit:
					t.Fatalf("seed %d: raised at %d", seed, value)
				case a.State == AlertCleared && value > limit/2 && now.Sub(passed[who]) < settle:
					t.Fatalf("seed %d: cleared at %d, %v after it was passed", seed, value, now.Sub(passed[who]))
				}
			}
		}
		for range 200 {
			now = now.Add(time.Duration(random.IntN(100)) * time.Second)
			if value += random.IntN(9) - 4; random.IntN(40) == 0 {
				value = 0
			}
			value = max(value, 0)
			look(random.IntN(len(watchers)))
		}
		want := AlertRaised
		for i, a := range told {
			if a.State != want {
				t.Fatalf("seed %d: alert %d is %s, want %s", seed, i, a.State, want)
			}
			want = map[string]string{AlertRaised: AlertCleared, AlertCleared: AlertRaised}[want]
		}
		for _, end := range []int{limit + 1, limit} {
			value, now = end, now.Add(2*settle)
			look(0)
			now = now.Add(2 * settle)
			look(0)
			if _, raised := to.before[name]; raised != (end > limit) {
				t.Errorf("seed %d: with %d at the end, raised: %v", seed, end, raised)
			}
		}
	}
}

// A value that goes up and down around its limit is told of once, and once that it is well again, by however many.
func TestFlapping(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []int // a minute apart
		want   []string
	}{
		"around the limit":        {[]int{9, 11, 10, 11, 9, 12, 10, 8, 11, 7, 13, 6, 11, 3, 4, 2}, []string{"raised at 11", "cleared at 3"}},
		"it stays within":         {[]int{11, 9, 11, 9, 9, 9, 9, 9, 10, 10}, []string{"raised at 11", "cleared at 9"}},
		"it stays a little":       {[]int{11, 9, 9, 9, 11, 9, 9, 9, 11}, []string{"raised at 11"}},
		"it falls, and grows":     {[]int{11, 5, 11, 5}, []string{"raised at 11", "cleared at 5", "raised at 11", "cleared at 5"}},
		"it never is over it":     {[]int{10, 0, 10}, nil},
		"a replay empties a lot":  {[]int{500, 400, 300, 200, 100, 0, 0}, []string{"raised at 500", "cleared at 0"}},
		"it grows while replayed": {[]int{30, 20, 12, 9, 12, 9, 30, 9, 0}, []string{"raised at 30", "cleared at 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, watchers := range []int{1, 2} {
				var got []string
				to := &receiver{func(_ context.Context, a Alert) error {
					got = append(got, fmt.Sprintf("%s at %v", a.State, a.Value))
					return nil
				}, raisedAlerts{}}
				var senders []*alertSender
				for range watchers {
					senders = append(senders, &alertSender{to: to, alarm: newAlarm(alertSettle)})
				}
				now := time.Now()
				for _, v := range c.values {
					now = now.Add(time.Minute)
					for _, s := range senders {
						if err := s.catchUp(t.Context(), &Monitored{now, []Threshold{threshold("lag:a", float64(v))}}); err != nil {
							t.Fatal(err)
						}
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%d watchers: told %q, want %q", watchers, got, c.want)
				}
			}
		})
	}
}
