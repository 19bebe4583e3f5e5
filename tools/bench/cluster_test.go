package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/trestletest/services"
)

// embeddedBroker is set in the environment of the process that is the embedded cluster: to forgets for one that takes records and
// keeps none, so that publishing to it is limited by nothing but the publisher, and to keeps otherwise.
const (
	embeddedBroker = "TRESTLE_BENCH_BROKER"
	keeps          = "keeps"
	forgets        = "forgets"
)

// TestMain runs the tests, or is the cluster that some of them start as a process of its own, so that what a client costs can be
// told from what the broker does.
func TestMain(m *testing.M) {
	if kind := os.Getenv(embeddedBroker); kind != "" {
		if err := serve(kind); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(services.Main(m))
}

// serve is a cluster until standard input ends, which it does with the process at its other end.
func serve(kind string) error {
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	if kind == forgets {
		opts = append(opts, kfake.BlackholeProduce())
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Println(strings.Join(c.ListenAddrs(), ","))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// onEmbedded starts kfake in a process of its own and returns its addresses.
func onEmbedded(b testing.TB, kind string) []string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), embeddedBroker+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal("the embedded cluster does not say where it is: ", err)
	}
	return strings.Split(strings.TrimSpace(line), ",")
}

// onKafka starts Apache Kafka, or skips where it can't be had.
func onKafka(b testing.TB) []string {
	b.Helper()
	return services.SharedKafka(b).Brokers()
}

// eachCluster runs a benchmark on an embedded cluster of a kind, and on Kafka.
func eachCluster(b *testing.B, kind string, run func(b *testing.B, brokers []string)) {
	b.Run("kfake", func(b *testing.B) { run(b, onEmbedded(b, kind)) })
	b.Run("kafka", func(b *testing.B) { run(b, onKafka(b)) })
}

const benchPartitions = 3

// makeTopics makes topics anew, so that one run finds nothing of another.
func makeTopics(b testing.TB, brokers []string, names ...string) {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	if _, err := admin.DeleteTopics(ctx, names...); err != nil {
		b.Fatal(err)
	}
	for {
		made, err := admin.CreateTopics(ctx, benchPartitions, 1, nil, names...)
		if err == nil {
			err = made.Error()
		}
		if err == nil {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond): // the old ones are still on their way out
		case <-ctx.Done():
			b.Fatal(err)
		}
	}
	for {
		ends, err := admin.ListEndOffsets(ctx, names...)
		if err == nil && ends.Error() == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			b.Fatal("the new topics have no leaders: ", err)
		}
	}
}
