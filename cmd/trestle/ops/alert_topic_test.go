package ops

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Of several that tell of the same looks at once, through the same topic and the same webhook, one tells: also where some of them begin anew, and of what another has
// told as cleared meanwhile. The topic has one partition, or is declared with several.
func TestAlertingTogether(t *testing.T) {
	t.Parallel()
	const declared = `topic: omninode_system_alerts, events: {other: {type: ThresholdAlertEvent}}`
	for name, topic := range map[string]string{"undeclared": "topic: alerts", "declared": declared} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "alerts"), kfake.SeedTopics(3, "omninode_system_alerts"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			h := newHook(t)
			p, err := projectWith(t, fmt.Sprintf("schemas: schemas\nmonitor: {alerts: {%s, webhook: {url: %s}}}\n", topic, h.URL))
			if err == nil {
				err = os.CopyFS(p.Path("schemas"), os.DirFS("../../../schemas"))
			}
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			env := Environment{Brokers: cluster.ListenAddrs(), name: "production"}
			all := make([]*Alerting, 3)
			for i := range all {
				if all[i], err = NewAlerting(ctx, p, env, AlertOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			for round, value := range []float64{11, 9, 11, 0, 12, 5} {
				m := &Monitored{time.Now(), []Threshold{threshold("lag:a", value), threshold("lag:b", 1)}}
				if all[0], err = NewAlerting(ctx, p, env, AlertOptions{}); err != nil {
					t.Fatal(err)
				}
				var telling sync.WaitGroup
				for _, a := range all[:2+round%2] { // the last one looks now and then
					telling.Go(func() {
						if err := a.Tell(ctx, m); err != nil {
							t.Error(err)
						}
					})
				}
				telling.Wait()
			}
			want := []string{"lag:a raised", "lag:a cleared", "lag:a raised", "lag:a cleared"}
			if got, _ := h.got(); !slices.Equal(got, want) {
				t.Errorf("the webhook was told %q, want %q", got, want)
			}
			var got []string
			for r, err := range kafka.Scan(ctx, kafka.Connection{Brokers: env.Brokers}, []string{"alerts", "omninode_system_alerts"}, kafka.FromStart(), kafka.ToEnd()) {
				if err != nil {
					t.Fatal(err)
				}
				if r.Header("event-id") == "" || string(r.Key) != "lag:a" || r.Header(headerAlertEnvironment) != "production" {
					t.Errorf("record %s %v", r.Key, r.Headers)
				}
				got = append(got, r.Header(headerAlertName)+" "+r.Header(headerAlertState))
			}
			if !slices.Equal(got, want) {
				t.Errorf("the topic was told %q, want %q", got, want)
			}
		})
	}
}
