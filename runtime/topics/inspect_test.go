package topics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestDescribeAndDelete(t *testing.T) {
	client, err := kafka.Connection{Brokers: services.SharedKafka(t).Brokers()}.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	name, retention := "inspect."+uuid.NewString(), "86400000"
	if made, err := kadm.NewClient(client).CreateTopic(t.Context(), 2, 1, map[string]*string{"retention.ms": &retention}, name); err != nil || made.Err != nil {
		t.Fatal(err, made.Err)
	}
	old := time.Now().Add(-time.Hour)
	for i := range 60 {
		at := time.Now()
		if i < 30 {
			at = old
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: name, Value: fmt.Append(nil, i), Timestamp: at}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	d, err := topics.Describe(t.Context(), client, name)
	if err != nil {
		t.Fatal(err)
	}
	p := d.Partitions[0]
	if d.Records() != 60 || len(d.Partitions) != 2 || p.Leader != 1 || len(p.Replicas) != 1 || len(p.InSync) != 1 || p.Start != 0 || p.End != 60 || p.Bytes <= 0 || p.Rate != 0.5 {
		t.Errorf("got %+v", d.Partitions)
	}
	if d.ID == "" || d.Config["retention.ms"] != retention || !d.Set["retention.ms"] || d.Set["cleanup.policy"] || d.Config["cleanup.policy"] != "delete" {
		t.Errorf("got id %q, settings %v, of its own %v", d.ID, d.Config, d.Set)
	}
	at, err := topics.OffsetsAt(t.Context(), client, name, old.Add(time.Minute))
	if err != nil || at[0] != 30 || at[1] != 0 {
		t.Errorf("a minute later stands %v, %v", at, err)
	}
	if err := topics.Delete(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"describe": func() error { _, err := topics.Describe(t.Context(), client, name); return err }(), "delete": topics.Delete(t.Context(), client, name),
	} {
		if kafka.Classify(err) != kafka.Missing || !strings.Contains(err.Error(), name) {
			t.Errorf("%s once it is deleted: %v", what, err)
		}
	}
}

// Whether a topic is gone, brokers are asked, and not what the client remembers of it.
func TestDeleteAsksBrokers(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kafka.Connection{Brokers: cluster.ListenAddrs()}.Client(kgo.MetadataMinAge(time.Minute)) // it remembers for longer than Delete waits
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if made, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, "orders"); err != nil || made.Err != nil {
		t.Fatal(err, made.Err)
	}
	if _, err := topics.Describe(t.Context(), client, "orders"); err != nil {
		t.Fatal(err)
	}
	if err := topics.Delete(t.Context(), client, "orders"); err != nil {
		t.Error(err)
	}
}

// What brokers would refuse, for their limits or its settings, is refused in the plan, and nothing is made.
func TestValidateAsksTheBrokers(t *testing.T) {
	client, err := kafka.Connection{Brokers: services.SharedKafka(t).Brokers()}.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	fine, tooMany, wrong, there := "validate."+uuid.NewString(), "validate."+uuid.NewString(), "validate."+uuid.NewString(), "validate."+uuid.NewString()
	plan, err := topics.NewPlan(t.Context(), client, []topics.Spec{{Name: there, Partitions: 1}})
	if err == nil {
		err = plan.Apply(t.Context(), client) // which waits until brokers show it
	}
	if err != nil {
		t.Fatal(err)
	}
	plan, err = topics.NewPlan(t.Context(), client, []topics.Spec{
		{Name: fine, Partitions: 3}, {Name: tooMany, Partitions: 3, ReplicationFactor: 5},
		{Name: wrong, Partitions: 3, Config: map[string]string{"retention.ms": "soon"}},
		{Name: there, Partitions: 2, Config: map[string]string{"cleanup.policy": "sometimes"}},
	})
	if err == nil {
		err = plan.Validate(t.Context(), client)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{fine: "", tooMany: "replication factor", wrong: "retention.ms", there: "cleanup.policy"} {
		for _, topic := range plan.Topics {
			if topic.Name != name {
				continue
			}
			said := fmt.Sprint(topic.Changes)
			if refused := topic.Action == topics.Refused; refused != (want != "") || !strings.Contains(strings.ToLower(said), want) {
				t.Errorf("%s: %s, %s; want it refused for %q", name, topic.Action, said, want)
			}
		}
	}
	for _, name := range []string{fine, tooMany, wrong} {
		if _, err := topics.Describe(t.Context(), client, name); kafka.Classify(err) != kafka.Missing {
			t.Errorf("%s was made: %v", name, err)
		}
	}
}
