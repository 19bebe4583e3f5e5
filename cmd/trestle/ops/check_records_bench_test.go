package ops

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/tools/load"
)

const benchedOrders = `syntax = "proto3";
// Orders.
package shop.v1;
import "buf/validate/validate.proto";
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_BASE_EVENT topic_settings: {partitions: 6}};
// OrderPlaced says that an order was placed.
message OrderPlaced {
  option (trestle.v1.event) = {topic: "orders" key: "order_id"};
  // The order.
  string order_id = 1 [(buf.validate.field).string.min_len = 1];
  // Its status.
  string status = 2 [(buf.validate.field).string = {in: ["new", "shipped", "cancelled"]}];
  // What it costs.
  int64 total_cents = 3 [(buf.validate.field).int64.gte = 0];
}
`

// BenchmarkCheckRecords looks at 1,000,000 records, of which one in a hundred is refused, beside a scan that does nothing with them: records a second, the ratio, and
// how much memory either takes at most beside what the cluster has, which runs in this process.
func BenchmarkCheckRecords(b *testing.B) {
	const partitions, all = 6, 1_000_000
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "orders"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(cluster.Close)
	fillOrders(b, cluster.ListenAddrs(), partitions, all)
	project := Of(load.Files(map[string][]byte{"shop/v1/a.proto": []byte(benchedOrders)}))
	env := Environment{Brokers: cluster.ListenAddrs()}
	for b.Loop() {
		scan, scanPeak := measured(func() {
			n := 0
			for _, err := range kafka.Scan(b.Context(), kafka.Connection{Brokers: env.Brokers}, []string{"orders"}, kafka.FromStart(), kafka.ToEnd()) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != all {
				b.Fatalf("%d records", n)
			}
		})
		check, checkPeak := measured(func() {
			r, err := Check(b.Context(), project, CheckOptions{Environment: func() (Environment, error) { return env, nil }, Records: &RecordsOptions{}})
			if err != nil {
				b.Fatal(err)
			}
			if t := r.Records[0]; t.Read != all || t.Refused != all/100 {
				b.Fatalf("%+v", t)
			}
		})
		b.ReportMetric(all/check.Seconds(), "records/s")
		b.ReportMetric(check.Seconds()/scan.Seconds(), "times-a-scan")
		b.ReportMetric(float64(checkPeak)/(1<<20), "MB-peak")
		b.ReportMetric(float64(checkPeak)/float64(max(scanPeak, 1)), "times-a-scan's-peak")
	}
}

func fillOrders(b *testing.B, brokers []string, partitions int32, all int) {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var failed atomic.Pointer[error]
	for i := range all {
		status := "shipped"
		if i%100 == 0 {
			status = "Shipped"
		}
		client.Produce(b.Context(), &kgo.Record{Topic: "orders", Partition: int32(i) % partitions, Value: fmt.Appendf(nil, `{"event_id":"0f8fad5b-d9cb-469f-a165-%012d",`+
			`"event_type":"OrderPlaced","correlation_id":"550e8400-e29b-41d4-a716-446655440000","timestamp":"2025-10-16T12:00:00Z","version":"1.0.0",`+
			`"source":{"service_name":"web","service_version":"1","instance_id":"a"},"metadata":{},"payload":{"order_id":"o%d","status":"%s","total_cents":%d}}`, i, i, status, i)},
			func(_ *kgo.Record, err error) {
				if err != nil {
					failed.Store(&err)
				}
			})
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

// measured says how long something takes, and by how many bytes the heap in use grows meanwhile, at most.
func measured(do func()) (time.Duration, uint64) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				if now.HeapAlloc > before.HeapAlloc {
					peak.Store(max(peak.Load(), now.HeapAlloc-before.HeapAlloc))
				}
			}
		}
	}()
	began := time.Now()
	do()
	took := time.Since(began)
	close(stop)
	<-stopped
	return took, peak.Load()
}
