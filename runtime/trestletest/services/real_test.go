package services

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/trestletest/services/internal/process"
)

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newClient(t *testing.T, c *KafkaCluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.Brokers()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func createTopic(t *testing.T, c *KafkaCluster, topic string) {
	t.Helper()
	ctx, client := testContext(t), newClient(t, c)
	plan, err := topics.NewPlan(ctx, client, []topics.Spec{{Name: topic, Partitions: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(ctx, client); err != nil { // returns once all brokers show the topic
		t.Fatal(err)
	}
}

func produce(t *testing.T, c *KafkaCluster, topic, value string) {
	t.Helper()
	if err := newClient(t, c).ProduceSync(testContext(t), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatalf("produce %s: %v", value, err)
	}
}

// consume returns the first n values of topic.
func consume(t *testing.T, c *KafkaCluster, topic string, n int, opts ...kgo.Opt) []string {
	t.Helper()
	ctx := testContext(t)
	opts = append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	client := newClient(t, c, opts...)
	var values []string
	for len(values) < n {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("got %q, want %d records", values, n)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func TestKafkaKeepsDataAcrossKillAndStop(t *testing.T) {
	t.Parallel()
	var c *KafkaCluster
	var killed, last *process.Process
	t.Run("cluster", func(t *testing.T) {
		began := time.Now()
		c = Kafka(t)
		t.Logf("started in %s", time.Since(began))
		createTopic(t, c, "orders")
		produce(t, c, "orders", "one")

		killed = c.cluster.nodes[0].server.Process
		brokers := fmt.Sprint(c.Brokers())
		began = time.Now()
		c.Kill(1)
		c.Start(1)
		t.Logf("killed and started in %s", time.Since(began))
		if killed.Running() {
			t.Error("the killed process is still there")
		}
		if got := fmt.Sprint(c.Brokers()); got != brokers {
			t.Errorf("addresses after the restart: got %s, want %s", got, brokers)
		}
		produce(t, c, "orders", "two")

		began = time.Now()
		c.Stop(1)
		t.Logf("stopped in %s", time.Since(began))
		c.Start(1)
		last = c.cluster.nodes[0].server.Process
		if got := fmt.Sprint(consume(t, c, "orders", 2, kgo.ConsumerGroup("billing"))); got != "[one two]" {
			t.Errorf("got %s, want what was written before the kill and before the stop", got)
		}
	})
	for _, p := range []*process.Process{killed, last} {
		if p != nil && p.Running() {
			t.Errorf("process %d is still there", p.Pid())
		}
	}
	if c != nil {
		if _, err := os.Stat(c.cluster.scratch.dir); err == nil {
			t.Error("the cluster's files are still there")
		}
	}
}

func TestKafkaOfThreeNodes(t *testing.T) {
	t.Parallel()
	began := time.Now()
	c := Kafka(t, WithNodes(3), WithProperty("message.max.bytes", "2000000"))
	t.Logf("started in %s", time.Since(began))
	createTopic(t, c, "orders")
	admin := kadm.NewClient(newClient(t, c))
	configs, err := admin.DescribeTopicConfigs(testContext(t), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if err := configs[0].Err; err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range configs[0].Configs {
		got[entry.Key] = entry.MaybeValue()
	}
	if got["min.insync.replicas"] != "2" || got["max.message.bytes"] != "2000000" {
		t.Errorf("got min.insync.replicas %s, max.message.bytes %s", got["min.insync.replicas"], got["max.message.bytes"])
	}
	listed, err := admin.ListTopics(testContext(t), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if n := listed["orders"].Partitions.NumReplicas(); n != 3 {
		t.Errorf("got %d replicas, want 3", n)
	}

	produce(t, c, "orders", "one")
	c.Kill(1)
	produce(t, c, "orders", "two")
	c.Start(1)
	c.Stop(3)
	produce(t, c, "orders", "three")
	c.Start(3)
	c.Kill(1, 2, 3)
	c.Start(1, 2, 3)
	if got := fmt.Sprint(consume(t, c, "orders", 3)); got != "[one two three]" {
		t.Errorf("got %s", got)
	}
}

func TestKafkaPause(t *testing.T) {
	t.Parallel()
	c := Kafka(t)
	createTopic(t, c, "orders")
	client := newClient(t, c, kgo.DisableIdempotentWrite())
	produced := make(chan error, 1)
	c.Pause(1)
	client.Produce(testContext(t), &kgo.Record{Topic: "orders", Value: []byte("one")}, func(_ *kgo.Record, err error) { produced <- err })
	select {
	case err := <-produced:
		t.Fatalf("a paused node answers: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	c.Resume(1)
	if err := <-produced; err != nil {
		t.Errorf("after Resume: %v", err)
	}
	c.Pause(1) // it has to be stopped, too
}

func TestKafkaRefusesMistakes(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{name: t.Name()}
	tb.run(func() { Kafka(tb, WithNodes(0)) })
	if tb.outcome == "skipped" {
		t.Skip(tb.said)
	}
	if want := "start Kafka: WithNodes: must be at least 1, got 0"; tb.outcome != "ended" || !strings.Contains(tb.said, want) {
		t.Errorf("got %s, %q, want %q", tb.outcome, tb.said, want)
	}
	c := &KafkaCluster{cluster: &cluster{nodes: []*node{{id: 1}}}}
	shared := &KafkaCluster{cluster: c.cluster, shared: true}
	tests := []struct {
		name    string
		cluster *KafkaCluster
		do      func(*KafkaCluster)
		want    string
	}{
		{"unknown", c, func(c *KafkaCluster) { c.Kill(2) }, "there are nodes 1 to 1"},
		{"kill", c, func(c *KafkaCluster) { c.Kill(1) }, "kill node 1 of Kafka: it does not run"},
		{"pause", c, func(c *KafkaCluster) { c.Pause(1) }, "it does not run"},
		{"stop", c, func(c *KafkaCluster) { c.Stop(1) }, "it does not run"},
		{"shared", shared, func(c *KafkaCluster) { c.Kill(1) }, "the cluster is shared"},
	}
	for _, test := range tests {
		tb := &fakeTB{}
		test.cluster.tb = tb
		test.do(test.cluster)
		if tb.outcome != "failed" || !strings.Contains(tb.said, test.want) {
			t.Errorf("%s: got %s, %q, want %q", test.name, tb.outcome, tb.said, test.want)
		}
	}
}

func TestKafkaThatDoesNotStartSaysWhy(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{name: t.Name()}
	tb.run(func() { Kafka(tb, WithProperty("num.io.threads", "0")) })
	if tb.outcome == "skipped" {
		t.Skip(tb.said)
	}
	if tb.outcome != "ended" || !strings.Contains(tb.said, "num.io.threads") {
		t.Errorf("got %s, %q, want an end that names num.io.threads", tb.outcome, tb.said)
	}
}

func TestSharedKafka(t *testing.T) {
	t.Parallel()
	began := time.Now()
	first := SharedKafka(t)
	t.Logf("started in %s", time.Since(began))
	t.Run("again", func(t *testing.T) {
		if again := SharedKafka(t); again.cluster != first.cluster {
			t.Error("got another cluster")
		}
	})
	createTopic(t, first, "shared")
	produce(t, first, "shared", "one")
	consume(t, first, "shared", 1)
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		start func(testing.TB) string
	}{{"own", Registry}, {"shared", SharedRegistry}, {"shared again", SharedRegistry}} {
		t.Run(test.name, func(t *testing.T) {
			began := time.Now()
			url := test.start(t)
			t.Logf("started in %s", time.Since(began))
			body, err := json.Marshal(map[string]string{"schemaType": "JSON", "schema": `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`})
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.Post(url+"/subjects/orders-value/versions", "application/json", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			answer, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(`"id"`)) {
				t.Errorf("got %s %s", response.Status, answer)
			}
		})
	}
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	connect := func(t *testing.T, dsn string) *pgx.Conn {
		t.Helper()
		conn, err := pgx.Connect(testContext(t), dsn)
		if err != nil {
			t.Fatal(err)
		}
		return conn // never closed, as in a test that failed
	}
	var first string
	t.Run("first", func(t *testing.T) {
		began := time.Now()
		first = Postgres(t)
		t.Logf("started in %s", time.Since(began))
		if _, err := connect(t, first).Exec(testContext(t), "CREATE TABLE orders (id int)"); err != nil {
			t.Fatal(err)
		}
		other := Postgres(t)
		if _, err := connect(t, other).Exec(testContext(t), "CREATE TABLE orders (id int)"); err != nil {
			t.Errorf("a database is not its test's own: %v", err)
		}
	})
	if first == "" {
		return
	}
	if _, err := pgx.Connect(testContext(t), first); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("connect to the database of a test that is over: got %v", err)
	}
}

func TestPostgresStops(t *testing.T) {
	t.Parallel()
	p := obtain(t, "PostgreSQL", func() (*postgres, error) { return startPostgres() })
	if _, err := pgx.Connect(testContext(t), p.dsn("postgres")); err != nil {
		t.Error(err)
	}
	began := time.Now()
	p.stop()
	t.Logf("stopped in %s", time.Since(began))
	if p.server.Running() {
		t.Error("still running")
	}
}

func TestAWS(t *testing.T) {
	t.Parallel()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, AWS(t), strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "TrentService.ListKeys")
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/eu-central-1/kms/aws4_request, SignedHeaders=host, Signature=x")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(text), `"Keys": []`) {
		t.Errorf("%s: %s, %v", response.Status, text, err)
	}
}

func TestPython(t *testing.T) {
	t.Parallel()
	began := time.Now()
	python := Python(t)
	t.Logf("found in %s", time.Since(began))
	out, err := process.Run(testContext(t), exec.Command(python, "-c",
		"import aiokafka, asyncpg, confluent_kafka, pydantic; print(aiokafka.__version__, pydantic.VERSION)"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "0.14.0 2.14.3\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	dir := Node(t, AsyncAPIParser)
	cmd := exec.Command("node", "--print", "require('@asyncapi/parser/package.json').version")
	cmd.Dir = dir
	out, err := process.Run(testContext(t), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := "@asyncapi/parser@"+strings.TrimSpace(out), AsyncAPIParser; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
