package integration_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// guideTopics are the topics of the system guide with the settings that its topic creation script gives them.
var guideTopics = map[string]topicState{
	"omninode_codegen_request_analyze_v1":   {3, "604800000", "delete", "gzip"},
	"omninode_codegen_request_validate_v1":  {3, "604800000", "delete", "gzip"},
	"omninode_codegen_request_pattern_v1":   {3, "604800000", "delete", "gzip"},
	"omninode_codegen_request_mixin_v1":     {3, "604800000", "delete", "gzip"},
	"omninode_codegen_response_analyze_v1":  {3, "604800000", "delete", "gzip"},
	"omninode_codegen_response_validate_v1": {3, "604800000", "delete", "gzip"},
	"omninode_codegen_response_pattern_v1":  {3, "604800000", "delete", "gzip"},
	"omninode_codegen_response_mixin_v1":    {3, "604800000", "delete", "gzip"},
	"omninode_codegen_status_session_v1":    {6, "259200000", "delete", "gzip"},
	"omninode_codegen_dlq_analyze_v1":       {1, "2592000000", "delete", "gzip"},
	"omninode_codegen_dlq_validate_v1":      {1, "2592000000", "delete", "gzip"},
	"omninode_codegen_dlq_pattern_v1":       {1, "2592000000", "delete", "gzip"},
	"omninode_codegen_dlq_mixin_v1":         {1, "2592000000", "delete", "gzip"},
}

type topicState struct {
	Partitions                          int32
	Retention, CleanupPolicy, CodecName string
}

func TestTopicsOnThreeBrokers(t *testing.T) {
	t.Parallel()
	const replication = 3
	k := connect(t, services.Kafka(t, services.WithNodes(3)).Brokers())
	ctx := within(t, patience)
	specs := declaredTopics(t, replication)

	plan, err := topics.NewPlan(ctx, k.client, specs)
	if err != nil {
		t.Fatal(err)
	}
	inPlan := map[string]topicState{}
	for _, topic := range plan.Topics {
		if topic.Action != topics.Create {
			t.Errorf("%s on an empty cluster: %s, want create", topic.Name, topic.Action)
		}
		if _, ok := guideTopics[topic.Name]; ok {
			c := topic.Config
			inPlan[topic.Name] = topicState{topic.Partitions, c["retention.ms"], c["cleanup.policy"], c["compression.type"]}
		}
	}
	if diff := cmp.Diff(guideTopics, inPlan); diff != "" {
		t.Errorf("planned, and what the guide says (-):\n%s", diff)
	}
	if want := 36; len(plan.Topics) != want {
		t.Errorf("%d topics are planned, want %d", len(plan.Topics), want)
	}

	run := func(command string) []planned {
		return plannedIn(t, trestleRun(t, project, 0, "topics", command, "--brokers", strings.Join(k.brokers, ","), "--env", "production", "--json"), "topics", "name")
	}
	if diff := cmp.Diff(guideTopics, statesOf(t, run("plan"), "create")); diff != "" {
		t.Errorf("planned by the command line, and what the guide says (-):\n%s", diff)
	}

	run("apply")
	k.awaitTopics(specs)
	k.eventually("the plan is empty", func(ctx context.Context) error {
		again, err := topics.NewPlan(ctx, k.client, specs)
		if err != nil {
			return err
		}
		if !again.Empty() {
			return fmt.Errorf("not empty: %+v", again.Topics)
		}
		return nil
	})

	statesOf(t, run("plan"), "none")
	if diff := cmp.Diff(guideTopics, k.describe(guideTopics, replication)); diff != "" {
		t.Errorf("created, and what the guide says (-):\n%s", diff)
	}
}

// statesOf returns what a plan of the command line says of the guide's topics, and checks the action of all topics.
func statesOf(t testing.TB, plan []planned, action string) map[string]topicState {
	t.Helper()
	out := map[string]topicState{}
	for _, topic := range plan {
		if topic.action != action {
			t.Errorf("%s: %s, want %s", topic.name, topic.action, action)
		}
		if _, ok := guideTopics[topic.name]; !ok {
			continue
		}
		text := func(name string) string { s, _ := member(t, topic.json, "config", name).(string); return s }
		partitions, err := strconv.Atoi(fmt.Sprint(member(t, topic.json, "partitions")))
		if err != nil {
			t.Errorf("%s: %v", topic.name, err)
		}
		out[topic.name] = topicState{int32(partitions), text("retention.ms"), text("cleanup.policy"), text("compression.type")}
	}
	return out
}

// describe returns the state of topics as the cluster itself tells it, and checks the number of replicas.
func (k *kafka) describe(wanted map[string]topicState, replication int) map[string]topicState {
	k.t.Helper()
	names := make([]string, 0, len(wanted))
	for name := range wanted {
		names = append(names, name)
	}
	ctx := within(k.t, patience)
	configs, err := k.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		k.t.Fatal(err)
	}
	listed, err := k.admin.ListTopics(ctx, names...)
	if err != nil {
		k.t.Fatal(err)
	}
	out := map[string]topicState{}
	for _, c := range configs {
		values := map[string]string{}
		for _, v := range c.Configs {
			values[v.Key] = v.MaybeValue()
		}
		partitions := listed[c.Name].Partitions
		out[c.Name] = topicState{int32(len(partitions)), values["retention.ms"], values["cleanup.policy"], values["compression.type"]}
		for id, p := range partitions {
			if len(p.Replicas) != replication {
				k.t.Errorf("%s/%d has %d replicas, want %d", c.Name, id, len(p.Replicas), replication)
			}
		}
	}
	return out
}
