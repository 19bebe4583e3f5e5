package trestletest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/trestletest"
)

const statusTopic = "omninode_codegen_status_session_v1"

// admin asks a cluster about itself.
func admin(t *testing.T, c *trestletest.Cluster) *kadm.Client {
	t.Helper()
	client, err := c.Connection().Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// TestClusterHasTheDeclaredTopics compares a cluster's topics with what a package declares, as the command does.
func TestClusterHasTheDeclaredTopics(t *testing.T) {
	t.Parallel()
	declared := append(codegenv1.Topics(), keptInfo.Topic)
	c := trestletest.NewCluster(t, declared)
	client, err := c.Connection().Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	specs := []topics.Spec{{Name: "sessions_dlq", Partitions: 1}}
	for _, d := range declared {
		specs = append(specs, topics.Spec{Name: d.Name, Partitions: d.Partitions, Config: d.Config})
	}
	plan, err := topics.NewPlan(t.Context(), client, specs)
	if err != nil || !plan.Empty() {
		t.Errorf("got %+v, %v", plan, err)
	}
	if n := len(codegenv1.Topics()[13].Config); codegenv1.Topics()[13].Name != statusTopic || codegenv1.Topics()[13].Partitions != 6 || n != 4 {
		t.Errorf("the package declares %+v", codegenv1.Topics()[13])
	}
	found, err := admin(t, c).ListTopics(t.Context())
	if err != nil || len(found.Names()) != len(specs) {
		t.Errorf("got topics %v, %v", found.Names(), err)
	}
}

// answering is a consumer that answers requests for patterns as archon does.
func answering(t *testing.T, c *trestletest.Cluster, a archon, opts ...trestle.ConsumerOption) *trestle.Consumer {
	t.Helper()
	consumer, err := trestle.NewConsumer(c.Brokers(), "archon", append([]trestle.ConsumerOption{c.Option()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Answer(consumer, c.Publisher(), a.AnswerCodegenPattern)
	return consumer
}

func TestAwaitFindsWhatAServiceWrites(t *testing.T) {
	t.Parallel()
	c := trestletest.NewCluster(t, codegenv1.Topics())
	if err := c.Publisher().Publish(t.Context(), asked(3)); err != nil {
		t.Fatal(err)
	}
	stop := trestletest.Run(t, answering(t, c, archon{}))
	got := trestletest.Await(t, c, trestletest.Like(&codegenv1.CodegenPatternResponse{CorrelationId: request}))
	if got.GetTotalMatches() != 1 {
		t.Errorf("got %v", got)
	}
	c.AwaitDone("archon")
	stop()
	stop()
}

// TestBubblesTakeNoTime has a service retry for minutes, and a test wait in vain, in the time of a bubble.
func TestBubblesTakeNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InMemory(), trestletest.WithBrokers(3))
		if err := c.Publisher().Publish(t.Context(), asked(3)); err != nil {
			t.Fatal(err)
		}
		trestletest.Run(t, answering(t, c, archon{err: errAway}, trestle.WithBackoff(time.Minute, time.Minute), trestle.WithLogger(quiet)))
		time.Sleep(4 * time.Minute)
		d := trestletest.AwaitDeadLetter(t, c, trestletest.Like(asked(3)))
		if d.RetryCount != 3 || d.Error.Message != errAway.Error() || d.Timestamp.Sub(start) < 3*time.Minute/2 {
			t.Errorf("got %+v", d)
		}
		said := failure(t, func(tb testing.TB) {
			trestletest.AwaitDeadLetter(tb, c, trestletest.Like(&codegenv1.CodegenPatternRequest{Limit: new(int64(4))}))
		})
		for _, want := range []string{
			`waited 30s: no dead letter of a CodegenPatternRequest like {"limit":4} came to omninode_codegen_dlq_pattern_v1:`,
			"by group archon after 3 retries: HandlerError: the model is away\n      limit: 3, want 4",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("got %s\nwithout %q", said, want)
			}
		}
		said = failure(t, func(tb testing.TB) { trestletest.Await[*codegenv1.CodegenPatternResponse](tb, c) })
		if want := "waited 30s: no CodegenPatternResponse came to omninode_codegen_response_pattern_v1: nothing was"; said != want {
			t.Errorf("got %s\nwant %s", said, want)
		}
		said = failure(t, func(tb testing.TB) {
			trestletest.Await(tb, c, trestletest.Like(&codegenv1.CodegenPatternRequest{Limit: new(int64(4))}))
		})
		if want := "\n      limit: 3, want 4"; !strings.HasSuffix(said, want) {
			t.Errorf("got %s\nwithout %q", said, want)
		}
	})
}

func TestClusterGoesByTheNamesOfAnEnvironment(t *testing.T) {
	t.Parallel()
	names := trestle.Names{Prefix: "test."}
	c := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InEnvironment(names))
	if err := c.Publisher().Publish(t.Context(), asked(3)); err != nil {
		t.Fatal(err)
	}
	consumer := answering(t, c, archon{err: trestle.Permanent(errAway)}, trestle.WithNames(names), trestle.WithLogger(quiet))
	trestletest.Run(t, consumer)
	if d := trestletest.AwaitDeadLetter(t, c, trestletest.Like(asked(3))); d.ConsumerGroup != "test.archon" {
		t.Errorf("got %+v", d)
	}
	c.AwaitDone("archon")
}

// TestFaults has a cluster fail in each way, and compares what a publisher is told with what is written in the end. What was on its
// way to a broker as that was cut off may be written afterwards.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail  func(*trestletest.Cluster)
		fates []trestle.Fate
		retry bool
	}{
		"cut off":                   {func(c *trestletest.Cluster) { c.Cut() }, []trestle.Fate{trestle.NotSent, trestle.FateUnknown}, true},
		"acknowledgements are held": {func(c *trestletest.Cluster) { c.HoldAcknowledgements() }, []trestle.Fate{trestle.FateUnknown}, true},
		"writes are refused":        {func(c *trestletest.Cluster) { c.RefuseWrites(statusTopic, kerr.TopicAuthorizationFailed, 0) }, []trestle.Fate{trestle.Refused}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cluster := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InMemory())
				pub := cluster.Publisher(trestle.WithLogger(quiet), trestle.WithDeliveryTimeout(2*time.Second))
				if err := pub.Publish(t.Context(), progress(0)); err != nil {
					t.Fatal(err)
				}
				c.fail(cluster)
				err := pub.Publish(t.Context(), progress(1))
				failed, ok := errors.AsType[*trestle.PublishError](err)
				if !ok || !slices.Contains(c.fates, failed.Fate) || failed.Retriable != c.retry {
					t.Fatalf("got %v, want it %v", err, c.fates)
				}
				cluster.Heal()
				if err := pub.Publish(t.Context(), progress(2)); err != nil {
					t.Errorf("healed: %v", err)
				}
				ends, err := admin(t, cluster).ListEndOffsets(t.Context(), statusTopic)
				if err != nil {
					t.Fatal(err)
				}
				sum := 0
				ends.Each(func(o kadm.ListedOffset) { sum += int(o.Offset) })
				want := 2 // the first and the last
				if failed.Fate == trestle.FateUnknown {
					want = 3
				}
				if sum != want {
					t.Errorf("%d events were written, want %d", sum, want)
				}
			})
		})
	}
}

// TestLostAcknowledgement has the client publish again what was written already.
func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InMemory())
		pub := c.Publisher(trestle.WithLogger(quiet))
		c.LoseAcknowledgements(2)
		begun := time.Now()
		if err := pub.Publish(t.Context(), progress(1)); err != nil {
			t.Fatal(err)
		}
		if time.Since(begun) < 100*time.Millisecond {
			t.Error("no acknowledgement was lost: nobody waited to publish again")
		}
		ends, err := admin(t, c).ListEndOffsets(t.Context(), statusTopic)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		ends.Each(func(o kadm.ListedOffset) { sum += int(o.Offset) })
		if sum != 1 {
			t.Errorf("the event stands there %d times", sum)
		}
	})
}

func TestRefusedWritesAreTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InMemory())
		pub := c.Publisher(trestle.WithLogger(quiet))
		c.RefuseWrites(statusTopic, kerr.NotEnoughReplicas, 3)
		begun := time.Now()
		if err := pub.Publish(t.Context(), progress(1)); err != nil {
			t.Fatal(err)
		}
		if time.Since(begun) < 500*time.Millisecond {
			t.Errorf("after %v: was it refused three times?", time.Since(begun))
		}
	})
}

// TestClusterChanges changes a cluster while a consumer reads it, and has every event handled.
func TestClusterChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *trestletest.Cluster){
		"a leader moves": func(t *testing.T, c *trestletest.Cluster) {
			for p := range int32(6) {
				c.MoveLeader(statusTopic, p, (p+1)%3)
			}
		},
		"partitions are added": func(t *testing.T, c *trestletest.Cluster) {
			c.AddPartitions(statusTopic, 2)
			found, err := admin(t, c).ListTopics(t.Context(), statusTopic)
			if err != nil || len(found[statusTopic].Partitions) != 8 {
				t.Errorf("got %v, %v", found, err)
			}
		},
		"the topic is made anew": func(_ *testing.T, c *trestletest.Cluster) { c.Recreate(statusTopic) },
		"the group rebalances":   func(_ *testing.T, c *trestletest.Cluster) { c.Rebalance("watchers", statusTopic) },
		"a broker is cut off": func(_ *testing.T, c *trestletest.Cluster) {
			c.Cut(1)
			time.Sleep(time.Minute)
			c.Heal()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := trestletest.NewCluster(t, codegenv1.Topics(), trestletest.InMemory(), trestletest.WithBrokers(3))
				var mu sync.Mutex
				var got []float64
				consumer, err := trestle.NewConsumer(c.Brokers(), "watchers", c.Option(), trestle.WithLogger(quiet))
				if err != nil {
					t.Fatal(err)
				}
				trestle.Handle(consumer, func(_ context.Context, e *codegenv1.CodegenStatusEvent) error {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, e.GetProgressPercentage())
					return nil
				})
				trestletest.Run(t, consumer)
				pub := c.Publisher(trestle.WithLogger(quiet))
				publish := func(percent float64) {
					t.Helper()
					if err := pub.Publish(t.Context(), progress(percent)); err != nil {
						t.Fatal(err)
					}
					c.AwaitDone("watchers")
				}
				publish(1)
				change(t, c)
				publish(2)
				publish(3)
				mu.Lock()
				defer mu.Unlock()
				slices.Sort(got)
				if diff := cmp.Diff([]float64{1, 2, 3}, slices.Compact(got)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestClusterReportsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, do := range map[string]func(testing.TB){
		"WithBrokers: must be at least 1, got 0": func(tb testing.TB) { trestletest.NewCluster(tb, nil, trestletest.WithBrokers(0)) },
		"the cluster has no topic other: there are [sessions sessions_dlq]": func(tb testing.TB) {
			trestletest.NewCluster(tb, []*trestle.TopicInfo{keptInfo.Topic}).Recreate("other")
		},
		"event type omninode.codegen.v1.DeadLetterEvent has no topic": func(tb testing.TB) {
			trestletest.Await[*codegenv1.DeadLetterEvent](tb, trestletest.NewCluster(tb, nil))
		},
		"consumer group archon": func(tb testing.TB) {
			c, err := trestle.NewConsumer(trestletest.NewCluster(tb, nil).Brokers(), "archon")
			if err != nil {
				tb.Error(err)
				return
			}
			trestletest.Run(tb, c)()
		},
	} {
		if said := failure(t, do); !strings.Contains(said, want) {
			t.Errorf("got %q, want %q", said, want)
		}
	}
}
