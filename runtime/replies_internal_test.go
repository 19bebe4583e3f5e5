package trestle

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// repliesOn are replies of a cluster that are read by nobody.
func repliesOn(t *testing.T, topic string, partitions int32, opts ...kgo.Opt) *replies {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(cluster.ListenAddrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &replies{
		cfg: &callerConfig{clientConfig: clientConfig{logger: slog.New(slog.DiscardHandler)}}, id: "caller", client: client,
		topics: map[string]*replyTopic{}, absent: map[string]time.Time{},
	}
}

// atListOffsets has something done once, when a client asks where partitions end.
type atListOffsets struct{ do atomic.Pointer[func()] }

func (a *atListOffsets) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key != int16(kmsg.ListOffsets) {
		return
	}
	if do := a.do.Swap(nil); do != nil {
		(*do)()
	}
}

// TestPartitionsAddedWhileACallBegins has a topic get more partitions between two steps of a call that begins.
func TestPartitionsAddedWhileACallBegins(t *testing.T) {
	t.Parallel()
	const before, after = 3, 7
	at := new(atListOffsets)
	r := repliesOn(t, "prices", before, kgo.WithHooks(at))
	info := &EventInfo{Type: "Price", FullName: "test.Price", Topic: &TopicInfo{Name: "prices"}}
	ends := map[int32]kgo.Offset{}
	for id := range int32(before) {
		ends[id] = kgo.NewOffset().At(0)
	}
	r.begin("prices", ends, false, info)
	old := (r.topics["prices"].parts.own() + 1) % before // not read yet
	id := idIn(old, before, before, after)
	grown := kadm.TopicDetail{Topic: "prices", Partitions: kadm.PartitionDetails{}}
	for partition := range int32(after) {
		grown.Partitions[partition] = kadm.PartitionDetail{Topic: "prices", Partition: partition}
	}
	followed := false
	follow := func() { followed = true; r.follow(kadm.TopicDetails{"prices": grown}) }
	at.do.Store(&follow)
	w := newWaiting(&EventInfo{Topic: new(TopicInfo)}, eventIDs{correlation: id}, info, nil)
	if err := r.start(t.Context(), w); err != nil || !followed {
		t.Fatal(err, followed)
	}
	for _, partition := range []int32{old, before} {
		if _, read := r.topics["prices"].partitions[partition]; !read {
			t.Errorf("partition %d is not read, where the response may come", partition)
		}
	}
	r.remove(w)
	if needed := r.topics["prices"].parts.calls; len(needed) > 0 || r.calls != 0 {
		t.Errorf("after the call partitions are needed by %v calls, and %d calls are under way", needed, r.calls)
	}
}

// TestLettersGivenUpWhileTheyAreReadAgain has a topic of dead letters be given up and read again at once: what is taken to be read
// is.
func TestLettersGivenUpWhileTheyAreReadAgain(t *testing.T) {
	t.Parallel()
	r := repliesOn(t, "letters", 1)
	for range 500 {
		r.begin("letters", map[int32]kgo.Offset{0: kgo.NewOffset().At(0)}, true)
		var group sync.WaitGroup
		group.Go(func() { r.giveUpLetters("letters", kerr.TopicAuthorizationFailed) })
		group.Go(func() { r.begin("letters", map[int32]kgo.Offset{0: kgo.NewOffset().At(0)}, true) })
		group.Wait()
		if taken, read := r.topics["letters"] != nil, slices.Contains(r.client.GetConsumeTopics(), "letters"); taken != read {
			t.Fatalf("read: %v, taken to be read: %v", read, taken)
		}
	}
}

// TestTopicOfResponsesIsNotGivenUp has the cluster refuse a topic of responses as soon as it is read: it is none of dead letters, which
// are done without.
func TestTopicOfResponsesIsNotGivenUp(t *testing.T) {
	t.Parallel()
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := &replies{id: "caller", client: client, topics: map[string]*replyTopic{}}
	info := &EventInfo{FullName: "test.Price", Topic: &TopicInfo{Name: "prices"}}
	r.begin("prices", map[int32]kgo.Offset{0: kgo.NewOffset()}, true, info)
	if r.giveUpLetters("prices", kerr.TopicAuthorizationFailed) || r.topics["prices"] == nil {
		t.Error("a topic of responses was given up")
	}
}
