package groups_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/groups"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// onClusters runs a test on the embedded cluster, and on Apache Kafka.
func onClusters(t *testing.T, test func(t *testing.T, conn kafka.Connection)) {
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		cluster, err := kfake.NewCluster(kfake.NumBrokers(2))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		test(t, kafka.Connection{Brokers: cluster.ListenAddrs()})
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		test(t, kafka.Connection{Brokers: services.SharedKafka(t).Brokers()})
	})
}

func clientOf(t *testing.T, conn kafka.Connection, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := conn.Client(append([]kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// newTopic makes a topic of two partitions, with 10 records in the first, one a second from a time on, and returns its name.
func newTopic(t *testing.T, client *kgo.Client, from time.Time) string {
	t.Helper()
	topic := "groups." + uuid.NewString()
	if made, err := kadm.NewClient(client).CreateTopic(t.Context(), 2, 1, nil, topic); err != nil || made.Err != nil {
		t.Fatal(err, made.Err)
	}
	for i := range 10 {
		r := &kgo.Record{Topic: topic, Value: fmt.Append(nil, i), Timestamp: from.Add(time.Duration(i) * time.Second)}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return topic
}

// join has a client read a topic for a group, up to a count of records, and commits what it has read.
func join(t *testing.T, conn kafka.Connection, group, topic string, count int, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client := clientOf(t, conn, append(opts, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.ClientID("reader"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for left := count; left > 0; {
		fetched := client.PollRecords(ctx, left)
		if err := fetched.Err0(); err != nil {
			t.Fatal(err)
		}
		left -= fetched.NumRecords()
		if err := client.CommitRecords(ctx, fetched.Records()...); err != nil {
			t.Fatal(err)
		}
	}
	return client
}

func TestGroups(t *testing.T) {
	onClusters(t, func(t *testing.T, conn kafka.Connection) {
		ctx := t.Context()
		client := clientOf(t, conn)
		begun := time.Now().Add(-time.Hour).Truncate(time.Second)
		topic, group := newTopic(t, client, begun), "group-"+uuid.NewString()

		if _, err := groups.Describe(ctx, client, group); !errors.Is(err, groups.ErrNone) || !strings.Contains(err.Error(), group) {
			t.Errorf("before it was: %v, want ErrNone", err)
		}
		if err := groups.Delete(ctx, client, group); !errors.Is(err, groups.ErrNone) {
			t.Errorf("delete before it was: %v, want ErrNone", err)
		}
		reader := join(t, conn, group, topic, 4)
		d, err := groups.Describe(ctx, client, group)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Members) != 1 || d.Members[0].ClientID != "reader" || d.Lag() != 6 || len(d.Partitions) != 2 {
			t.Fatalf("got %+v with lag %d, want one member, lag 6, two partitions", d, d.Lag())
		}
		p := d.Partitions[0]
		if p.Topic != topic || p.Committed != 4 || p.Start != 0 || p.End != 10 || p.Lag != 6 || p.Member != "reader" ||
			p.LagTime < 59*time.Minute || p.LagTime > 2*time.Hour {
			t.Errorf("the first partition: %+v", p)
		}
		if p := d.Partitions[1]; p.Committed != -1 || p.Lag != 0 || p.LagTime != 0 || p.End != 0 {
			t.Errorf("the empty partition: %+v", p)
		}
		find(t, client, group, 1)

		// While it has members nobody moves it.
		moves, err := groups.Plan(ctx, client, group, groups.ToStart())
		if err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"seek": groups.Seek(ctx, client, group, moves), "delete": groups.Delete(ctx, client, group)} {
			if of, ok := errors.AsType[*groups.MembersError](err); !ok || len(of.Members) != 1 || !strings.Contains(err.Error(), "stop them first") {
				t.Errorf("%s while it has a member: %v", what, err)
			}
		}
		reader.LeaveGroup()
		reader.Close()
		find(t, client, group, 0)

		for _, c := range []struct {
			name string
			to   groups.Target
			want int64
		}{
			{"start", groups.ToStart(), 0}, {"end", groups.ToEnd(), 10}, {"offset", groups.ToOffset(7), 7}, {"an offset past the end", groups.ToOffset(70), 10},
			{"a time", groups.ToTime(begun.Add(2500 * time.Millisecond)), 3}, {"a time after all", groups.ToTime(begun.Add(time.Hour * 2)), 10},
			{"further", groups.ByShift(2), 10}, {"back", groups.ByShift(-4), 6}, {"before the start", groups.ByShift(-40), 0},
		} {
			moves, err := groups.Plan(ctx, client, group, c.to)
			if err != nil {
				t.Fatal(err)
			}
			before := committed(t, client, group, topic)
			if len(moves) == 0 || moves[0].From != before || moves[0].To != c.want {
				t.Errorf("%s: got %+v, want from %d to %d", c.name, moves, before, c.want)
			}
			if err := groups.Seek(ctx, client, group, moves); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if got := committed(t, client, group, topic); got != c.want {
				t.Errorf("%s: it begins at %d, want %d", c.name, got, c.want)
			}
		}

		if _, err := groups.Plan(ctx, client, group, groups.ToStart(), "groups.none"); err == nil || !strings.Contains(err.Error(), "groups.none") {
			t.Errorf("a topic that is not there: %v", err)
		}
		fresh := "group-" + uuid.NewString()
		if moves, err = groups.Plan(ctx, client, fresh, groups.ToEnd(), topic); err != nil || len(moves) != 2 || moves[0].From != -1 || moves[0].To != 10 {
			t.Fatalf("a group that is to be: %+v, %v", moves, err)
		}
		if err := groups.Seek(ctx, client, fresh, moves); err != nil || committed(t, client, fresh, topic) != 10 {
			t.Errorf("a group that is to be begins at %d, %v", committed(t, client, fresh, topic), err)
		}
		if err := groups.Delete(ctx, client, group); err != nil {
			t.Fatal(err)
		}
		if _, err := groups.Describe(ctx, client, group); !errors.Is(err, groups.ErrNone) {
			t.Errorf("after it was deleted: %v, want ErrNone", err)
		}
	})
}

// A group whose members have brokers assign its partitions is described alike. The embedded cluster does not say which topics members of such a group have.
func TestGroupsOfTheNewerProtocol(t *testing.T) {
	t.Parallel()
	conn := kafka.Connection{Brokers: services.SharedKafka(t).Brokers()}
	client := clientOf(t, conn)
	topic, group := newTopic(t, client, time.Now()), "group-"+uuid.NewString()
	reader := join(t, conn, group, topic, 10, kgo.ServerSideBalancer())
	d, err := groups.Describe(t.Context(), client, group)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Members) != 1 || len(d.Partitions) != 2 || d.Partitions[0].Member != "reader" || d.Partitions[0].Committed != 10 || d.Lag() != 0 {
		t.Errorf("got %+v", d)
	}
	find(t, client, group, 1)
	reader.LeaveGroup()
	find(t, client, group, 0)
	moves, err := groups.Plan(t.Context(), client, group, groups.ToOffset(3))
	if err == nil {
		err = groups.Seek(t.Context(), client, group, moves)
	}
	if got := committed(t, client, group, topic); err != nil || got != 3 {
		t.Errorf("it begins at %d, %v; want 3", got, err)
	}
	if err := groups.Delete(t.Context(), client, group); err != nil {
		t.Error(err)
	}
}

func committed(t *testing.T, client *kgo.Client, group, topic string) int64 {
	t.Helper()
	d, err := groups.Describe(t.Context(), client, group)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Partitions {
		if p.Topic == topic && p.Partition == 0 {
			return p.Committed
		}
	}
	t.Fatalf("%s has not committed %s/0: %+v", group, topic, d)
	return 0
}

// find waits until a group is listed with so many members.
func find(t *testing.T, client *kgo.Client, group string, members int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		all, err := groups.List(ctx, client)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range all {
			if g.Name == group && g.Members == members && g.State != "" {
				return
			}
		}
		if err := kafka.Sleep(ctx, 50*time.Millisecond); err != nil {
			t.Fatalf("group %s is not listed with %d members: %+v", group, members, all)
		}
	}
}

// Of what a user may not see nothing is said, rather than that it is not there: neither that a group is not behind, nor that there is none.
func TestWithoutRights(t *testing.T) {
	allowed := func(resource kmsg.ACLResourceType) kfake.ACL {
		return kfake.ACL{Resource: resource, Name: "billing", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true}
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", "secret"), kfake.User("PLAIN", "reader", "secret", allowed(kmsg.ACLResourceTypeGroup)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	as := func(user string) *kgo.Client {
		conn, err := kafka.Connection{Brokers: cluster.ListenAddrs()}.Secured(nil, &kafka.SASL{Mechanism: kafka.Plain, User: user, Password: secure.Value("secret")})
		if err != nil {
			t.Fatal(err)
		}
		return clientOf(t, conn)
	}
	admin, reader := as("admin"), as("reader")
	for _, group := range []string{"billing", "shipping"} {
		moves, err := groups.Plan(t.Context(), admin, group, groups.ToStart(), "orders")
		if err == nil {
			err = groups.Seek(t.Context(), admin, group, moves)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if d, err := groups.Describe(t.Context(), reader, "billing"); err == nil || !strings.Contains(err.Error(), "allow this user Describe on the topic?") {
		t.Errorf("without a right on the topic: %+v, %v", d, err)
	}
	if d, err := groups.Describe(t.Context(), reader, "shipping"); err == nil || !strings.Contains(err.Error(), "allow this user Describe on the group?") {
		t.Errorf("without a right on the group: %+v, %v", d, err)
	}
	if all, err := groups.List(t.Context(), reader); err != nil || len(all) != 1 || all[0].Name != "billing" {
		t.Errorf("it may see %+v, %v", all, err)
	}
	if all, err := groups.List(t.Context(), reader, "shipping"); err == nil || !strings.Contains(err.Error(), "allow this user Describe on the group?") {
		t.Errorf("with one that it may not see: %+v, %v", all, err)
	}
	if all, err := groups.List(t.Context(), admin, "nobody's"); err != nil || len(all) != 2 {
		t.Errorf("with one that is not there: %+v, %v", all, err)
	}
}
