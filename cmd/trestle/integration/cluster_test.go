package integration_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// patience bounds every wait for what a service does; a machine that is busy needs a good deal more than a second.
const patience = 90 * time.Second

// within returns a context that ends with the test, or after patience.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// schemas are those of the project.
var schemas = sync.OnceValues(func() (*schema.Set, error) {
	return load.Schemas(context.Background(), load.Dir("../../../schemas"))
})

func loadSchemas(t testing.TB) *schema.Set {
	t.Helper()
	set, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// declaredTopics turns the topics that the schemas declare into what a cluster is asked for.
func declaredTopics(t testing.TB, replication int16) []topics.Spec {
	t.Helper()
	set := loadSchemas(t)
	specs := make([]topics.Spec, 0, len(set.Topics))
	for _, topic := range set.Topics {
		s := topics.Spec{
			Name:              topic.Name,
			Partitions:        topic.Settings.Partitions,
			ReplicationFactor: replication,
			Config: map[string]string{
				"retention.ms":     strconv.FormatInt(topic.Settings.Retention.Milliseconds(), 10),
				"cleanup.policy":   topic.Settings.CleanupPolicy,
				"compression.type": topic.Settings.CompressionType,
			},
		}
		if n := topic.Settings.MaxMessageBytes; n > 0 {
			s.Config["max.message.bytes"] = strconv.Itoa(int(n))
		}
		specs = append(specs, s)
	}
	return specs
}

// kafka is a cluster as a test looks at it from outside.
type kafka struct {
	t       testing.TB
	brokers []string
	client  *kgo.Client
	admin   *kadm.Client
}

func connect(t testing.TB, brokers []string) *kafka {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &kafka{t, brokers, client, kadm.NewClient(client)}
}

// withTopics brings the declared topics into being, or only those named.
func (k *kafka) withTopics(replication int16, names ...string) *kafka {
	k.t.Helper()
	specs := declaredTopics(k.t, replication)
	if len(names) > 0 {
		specs = slices.DeleteFunc(specs, func(s topics.Spec) bool { return !slices.Contains(names, s.Name) })
		if len(specs) != len(names) {
			k.t.Fatalf("the schemas declare %d of the topics %q", len(specs), names)
		}
	}
	ctx := within(k.t, patience)
	plan, err := topics.NewPlan(ctx, k.client, specs)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := plan.Apply(ctx, k.client); err != nil {
		k.t.Fatal(err)
	}
	k.awaitTopics(specs)
	return k
}

// awaitTopics waits until every broker leads or knows the leader of all partitions: a topic that was just created can
// be unknown for a moment.
func (k *kafka) awaitTopics(specs []topics.Spec) {
	k.t.Helper()
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	k.eventually("all topics have leaders", func(ctx context.Context) error {
		ends, err := k.admin.ListEndOffsets(ctx, names...)
		if err != nil {
			return err
		}
		return ends.Error()
	})
}

// eventually waits for a condition of the cluster, which only asking again can tell.
func (k *kafka) eventually(what string, check func(context.Context) error) {
	k.t.Helper()
	ctx := within(k.t, patience)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			k.t.Fatalf("%s: not within %v: %v", what, patience, err)
		}
	}
}

// place is where a record stands.
type place struct {
	topic     string
	partition int32
}

// at is a place and an offset: one record.
type at struct {
	place
	offset int64
}

func (a at) String() string { return fmt.Sprintf("%s/%d@%d", a.topic, a.partition, a.offset) }

// ends returns the end offsets of all partitions of topics.
func (k *kafka) ends(names ...string) map[place]int64 {
	k.t.Helper()
	listed, err := k.admin.ListEndOffsets(within(k.t, patience), names...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	out := map[place]int64{}
	listed.Each(func(o kadm.ListedOffset) { out[place{o.Topic, o.Partition}] = o.Offset })
	return out
}

// joinAtEnd makes a group begin with what is published from now on, whenever its members come.
func (k *kafka) joinAtEnd(group string, names ...string) {
	k.t.Helper()
	offsets := kadm.Offsets{}
	for p, end := range k.ends(names...) {
		offsets.AddOffset(p.topic, p.partition, end, -1)
	}
	k.eventually("group "+group+" has positions", func(ctx context.Context) error {
		return k.admin.CommitAllOffsets(ctx, group, offsets)
	})
}

// committed returns the positions of a group.
func (k *kafka) committed(group string) map[place]int64 {
	k.t.Helper()
	out := map[place]int64{}
	k.commits(group).Each(func(o kadm.OffsetResponse) { out[place{o.Topic, o.Partition}] = o.At })
	return out
}

// commits returns what a group has committed, with the notes on it.
func (k *kafka) commits(group string) kadm.OffsetResponses {
	k.t.Helper()
	fetched, err := k.admin.FetchOffsets(within(k.t, patience), group)
	if err == nil {
		err = fetched.Error()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return fetched
}

// read returns all records of topics from the given positions (from the start where there is none) to the ends that
// the topics have now, those of a partition in order.
func (k *kafka) read(from map[place]int64, names ...string) []*kgo.Record {
	k.t.Helper()
	missing := map[place]int64{} // partitions not read yet, with their ends
	start := map[string]map[int32]kgo.Offset{}
	for p, end := range k.ends(names...) {
		begin := from[p]
		if begin >= end {
			continue
		}
		missing[p] = end
		if start[p.topic] == nil {
			start[p.topic] = map[int32]kgo.Offset{}
		}
		start[p.topic][p.partition] = kgo.NewOffset().At(begin)
	}
	if len(missing) == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.ConsumePartitions(start))
	if err != nil {
		k.t.Fatal(err)
	}
	defer client.Close()
	ctx := within(k.t, patience)
	var records []*kgo.Record
	for len(missing) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			k.t.Fatalf("read %v: %v", names, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			p := place{r.Topic, r.Partition}
			end, open := missing[p]
			if !open {
				return
			}
			if r.Offset < end {
				records = append(records, r)
			}
			if r.Offset >= end-1 {
				delete(missing, p)
			}
		})
	}
	return records
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}
