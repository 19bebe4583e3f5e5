package integration_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/acl"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// accessLog is what a broker writes of who did what: Kafka's own log, as one switches it on with a configuration of log4j.
type accessLog struct {
	t            *testing.T
	config, path string
}

func newAccessLog(t *testing.T, level string) *accessLog {
	t.Helper()
	dir := t.TempDir()
	l := &accessLog{t, filepath.Join(dir, "log4j2.xml"), filepath.Join(dir, "kafka-authorizer.log")}
	writeFile(t, l.config, `<Configuration>
  <Appenders>
    <Console name="STDOUT"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console>
    <File name="AuthorizerAppender" fileName="`+l.path+`"><PatternLayout pattern="[%d] %p %m (%c)%n"/></File>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="STDOUT"/></Root>
    <Logger name="kafka.authorizer.logger" level="`+level+`" additivity="false"><AppenderRef ref="AuthorizerAppender"/></Logger>
  </Loggers>
</Configuration>
`)
	return l
}

func (l *accessLog) option() services.KafkaOption {
	return services.WithJVMFlag("-Dlog4j2.configurationFile=" + l.config)
}

// access is a line of the log: the request that somebody was allowed, or denied, an operation for.
var access = regexp.MustCompile(`(?m)^\[.+\] (?:INFO|DEBUG) Principal = (.+) is (Allowed|Denied) operation = (\w+) from host = (\S+) on resource = (\w+):LITERAL:(\S+) for request = (\w+) with resourceRefCount = \d+ based on rule .*$`)

// accesses are the lines from a place on, by their parts, and the place where they end.
func (l *accessLog) accesses(from int) (lines [][]string, end int) {
	l.t.Helper()
	text, err := os.ReadFile(l.path)
	if err != nil {
		l.t.Fatal(err)
	}
	return access.FindAllStringSubmatch(string(text[from:]), -1), len(text)
}

// users counts who published and fetched, in lines from a place on.
func (l *accessLog) users(from int) map[string]int {
	l.t.Helper()
	out := map[string]int{}
	lines, _ := l.accesses(from)
	for _, m := range lines {
		if m[7] == "Produce" || m[7] == "Fetch" {
			out[m[1]]++
		}
	}
	return out
}

// TestAccessLog holds what docs/security.md says of the log of accesses: who was denied what stands there, and who was allowed what once its level is DEBUG, which a
// running broker can be told.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	l := newAccessLog(t, "INFO")
	g := newGuarded(t, l.option())
	ctx := within(t, patience)
	plan, err := topics.NewPlan(ctx, g.kafka.client, []topics.Spec{{Name: "orders", Partitions: 1}, {Name: "payments", Partitions: 1}})
	if err == nil {
		err = plan.Apply(ctx, g.kafka.client)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.let([]string{"billing"}, []acl.Binding{{Resource: acl.Topic, Name: "orders", Principal: "User:billing", Host: acl.AnyHost, Operation: acl.Write}})
	client, err := g.as("billing", secure.Value(stackPassword)).Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write := func(topic string) error {
		return client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr()
	}
	find := func(from int, verdict, topic string) string {
		lines, _ := l.accesses(from)
		for _, m := range lines {
			if m[1] == "User:billing" && m[2] == verdict && m[4] == "127.0.0.1" && m[5] == "Topic" && m[6] == topic {
				return m[0]
			}
		}
		return ""
	}
	if err := write("payments"); !connection.IsUnauthorised(err) {
		t.Fatalf("a write that nobody allows: %v", err)
	}
	if err := write("orders"); err != nil {
		t.Fatal(err)
	}
	if denied := find(0, "Denied", "payments"); denied == "" {
		t.Error("who was denied what does not stand there")
	} else {
		t.Log(denied)
	}
	if find(0, "Allowed", "orders") != "" {
		t.Error("who was allowed what stands there at INFO")
	}
	// level tells the running broker, as `kafka-configs.sh --entity-type broker-loggers` does.
	level := func(op kmsg.IncrementalAlterConfigOp, value *string) {
		t.Helper()
		request := kmsg.NewPtrIncrementalAlterConfigsRequest()
		resource := kmsg.NewIncrementalAlterConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeBrokerLogger, "1"
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Op, config.Value = "kafka.authorizer.logger", op, value
		resource.Configs = append(resource.Configs, config)
		request.Resources = append(request.Resources, resource)
		answer, err := request.RequestWith(ctx, g.kafka.client)
		if err == nil {
			err = kerr.ErrorForCode(answer.Resources[0].ErrorCode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	level(kmsg.IncrementalAlterConfigOpSet, new("DEBUG"))
	_, from := l.accesses(0)
	if err := write("orders"); err != nil {
		t.Fatal(err)
	}
	if allowed := find(from, "Allowed", "orders"); allowed == "" {
		t.Error("who was allowed what does not stand there at DEBUG")
	} else {
		t.Log(allowed)
	}
	level(kmsg.IncrementalAlterConfigOpSet, new("INFO"))
	_, from = l.accesses(0)
	if err := write("orders"); err != nil {
		t.Fatal(err)
	}
	if find(from, "Allowed", "orders") != "" {
		t.Error("who was allowed what stands there at INFO again")
	}
}
