package topics_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// One broker hears of new topics late, as on a busy cluster: once apply returns, each of them shows them.
func TestApplyReturnsOnceEveryBrokerShowsTheTopics(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)

	declared := specs(3, "604800000")
	first := plan(t, cl, declared)
	var late atomic.Int32
	late.Store(3)
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if cluster.CurrentNode() != 2 || late.Add(-1) < 0 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, asked := range req.(*kmsg.DescribeConfigsRequest).Resources {
			r := kmsg.NewDescribeConfigsResponseResource()
			r.ErrorCode, r.ResourceType, r.ResourceName = kerr.UnknownTopicOrPartition.Code, asked.ResourceType, asked.ResourceName
			resp.Resources = append(resp.Resources, r)
		}
		return resp, nil, true
	})
	if err := first.Apply(context.Background(), cl); err != nil {
		t.Fatal(err)
	}
	if late.Load() >= 0 {
		t.Error("apply returned before the broker that is late showed the topics")
	}
	if p := plan(t, cl, declared); !p.Empty() {
		t.Errorf("the plan right after is not empty: %+v", p)
	}
}
