package topics_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func admin(t *testing.T) *kgo.Client {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func specs(partitions int32, retention string) []topics.Spec {
	return []topics.Spec{
		{Name: "orders", Partitions: partitions, Config: map[string]string{"retention.ms": retention, "cleanup.policy": "delete"}},
		{Name: "orders_dlq", Partitions: 1, Config: map[string]string{"retention.ms": "2592000000"}},
	}
}

func plan(t *testing.T, adm *kgo.Client, s []topics.Spec) *topics.Plan {
	t.Helper()
	p, err := topics.NewPlan(context.Background(), adm, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func actions(p *topics.Plan) map[string]topics.Action {
	out := map[string]topics.Action{}
	for _, t := range p.Topics {
		out[t.Name] = t.Action
	}
	return out
}

func TestPlanAndApply(t *testing.T) {
	t.Parallel()
	adm := admin(t)

	first := plan(t, adm, specs(3, "604800000"))
	if diff := cmp.Diff(map[string]topics.Action{"orders": topics.Create, "orders_dlq": topics.Create}, actions(first)); diff != "" {
		t.Fatal(diff)
	}
	if err := first.Apply(context.Background(), adm); err != nil {
		t.Fatal(err)
	}
	if p := plan(t, adm, specs(3, "604800000")); !p.Empty() {
		t.Fatalf("after apply the plan is not empty: %+v", p)
	}
	if err := first.Apply(context.Background(), adm); err != nil {
		t.Fatalf("a stale plan applied again: %v", err)
	}

	grow := plan(t, adm, specs(6, "86400000"))
	want := []topics.Change{
		{Name: "partitions", From: "3", To: "6", Warning: "keys move to other partitions: events of one key are in order only among those written after the change"},
		{Name: "retention.ms", From: "604800000", To: "86400000", Warning: "records older than 1 days are deleted"},
	}
	if diff := cmp.Diff(want, grow.Topics[0].Changes); diff != "" {
		t.Fatal(diff)
	}
	if err := grow.Apply(context.Background(), adm); err != nil {
		t.Fatal(err)
	}
	if p := plan(t, adm, specs(6, "86400000")); !p.Empty() {
		t.Fatalf("after growing the plan is not empty: %+v", p)
	}
}

func TestFewerPartitionsAreRefusedBeforeAnyChange(t *testing.T) {
	t.Parallel()
	adm := admin(t)
	if err := plan(t, adm, specs(3, "604800000")).Apply(context.Background(), adm); err != nil {
		t.Fatal(err)
	}
	shrink := specs(2, "604800000")
	shrink[1].Config = map[string]string{"retention.ms": "1000"}
	p := plan(t, adm, shrink)
	err := p.Apply(context.Background(), adm)
	if err == nil || !strings.Contains(err.Error(), "topic orders: partitions is 3, declared 2") {
		t.Fatalf("got %v", err)
	}
	if got := actions(plan(t, adm, shrink))["orders_dlq"]; got != topics.Update {
		t.Fatalf("orders_dlq was changed although the plan was refused: now %s", got)
	}
}
