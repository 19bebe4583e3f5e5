package kafka_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/omninode/trestle/runtime/kafka"
)

func TestConnectionRefusesEmptyAddresses(t *testing.T) {
	t.Parallel()
	for want, brokers := range map[string][]string{
		"no brokers":                           nil,
		"address of broker 1 of 1 is empty":    {""},
		"address of broker 2 of 3 is empty":    {"localhost:1", " ", "localhost:2"},
		"brokers localhost:x: ":                {"localhost:x"},
		`broker 1 of 1 has no host: " :9092"`:  {" :9092"},
		`broker 2 of 2 has no host: ":9092"`:   {"localhost", ":9092"},
		`broker 1 of 1 has no host: "[]:9092"`: {"[]:9092"},
	} {
		if cl, err := (kafka.Connection{Brokers: brokers}).Client(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got client %v, error %v, want %q", brokers, cl != nil, err, want)
		}
	}
	conn := kafka.Connection{Brokers: []string{"localhost:1"}}
	if err := conn.Validate(kgo.MaxBufferedRecords(-1)); err == nil {
		t.Error("a wrong option: no error")
	}
	if err := conn.Validate(); err != nil {
		t.Error(err)
	}
}

func TestConnectionAuthenticates(t *testing.T) {
	t.Parallel()
	_, conn := startCluster(t, kfake.SeedTopics(1, "a"), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "reader", "secret"))
	conn.SASL = []sasl.Mechanism{scram.Auth{User: "reader", Pass: "secret"}.AsSha256Mechanism()}
	if err := client(t, conn).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	conn.SASL = []sasl.Mechanism{scram.Auth{User: "reader", Pass: "wrong"}.AsSha256Mechanism()}
	if err := lastError(t, conn, kafka.ToEnd(), kafka.WithPatience(time.Second)); err == nil {
		t.Error("a wrong password: no error")
	}
}

func TestConnectionOptions(t *testing.T) {
	t.Parallel()
	conn := kafka.Connection{
		Brokers: []string{"localhost:1"}, TLS: &tls.Config{ServerName: "kafka"}, Options: []kgo.Opt{kgo.ProducerLinger(time.Second)},
	}
	cl := client(t, conn, kgo.ProducerLinger(time.Minute))
	if got := cl.OptValue(kgo.ProducerLinger); got != time.Second {
		t.Errorf("linger %v: the connection's options come last", got)
	}
	if got := cl.OptValue(kgo.ClientID); fmt.Sprint(got) != kafka.DefaultClientID {
		t.Errorf("client id %v", got)
	}
	if got, _ := cl.OptValue(kgo.DialTLSConfig).(*tls.Config); got == nil || got.ServerName != "kafka" {
		t.Errorf("TLS %v", got)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want kafka.Class
	}{
		{nil, kafka.Unknown},
		{errors.New("dial: refused"), kafka.Unknown},
		{kerr.NotLeaderForPartition, kafka.Retriable},
		{kerr.ProducerFenced, kafka.Retriable},
		{kerr.UnknownTopicID, kafka.Missing},
		{kerr.MessageTooLarge, kafka.Refused},
		{kerr.OffsetOutOfRange, kafka.Refused},
		{kerr.TopicAuthorizationFailed, kafka.Fatal},
		{kerr.UnsupportedSaslMechanism, kafka.Fatal},
		{kgo.ErrClientClosed, kafka.Fatal},
		{fmt.Errorf("read: %w", kerr.TopicAuthorizationFailed), kafka.Fatal},
		{errors.Join(kerr.NotLeaderForPartition, fmt.Errorf("a: %w", kerr.SaslAuthenticationFailed), errors.New("b")), kafka.Fatal},
		{fmt.Errorf("%w: %w", kerr.UnknownTopicOrPartition, errors.New("deadline")), kafka.Missing},
	} {
		if got := kafka.Classify(c.err); got != c.want {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
}

// TestAdviceOn holds that what is refused names the right that is missing, and, where a service may be who lacks it, the command that lists all of them.
func TestAdviceOn(t *testing.T) {
	t.Parallel()
	const explained = " trestle acl explain SERVICE says what a service needs"
	for _, c := range []struct {
		operation string
		err       error
		want      string
	}{
		{"Write", fmt.Errorf("publish: %w", kerr.TopicAuthorizationFailed), ": does an ACL of the cluster allow this user Write on the topic?" + explained},
		{"Describe", kerr.TopicAuthorizationFailed, ": does an ACL of the cluster allow this user Describe on the topic?" + explained},
		{"Read", kerr.GroupAuthorizationFailed, ": does an ACL of the cluster allow this user Read on the group?" + explained},
		{"Write", kerr.ClusterAuthorizationFailed, ": does an ACL of the cluster allow this user Write on the topic, or IdempotentWrite on the cluster?" + explained},
		{"Write", kerr.TransactionalIDAuthorizationFailed, ": does an ACL of the cluster allow this user Write on the transactional id?" + explained},
		{"Delete", kerr.TopicAuthorizationFailed, ": does an ACL of the cluster allow this user Delete on the topic?"},
		{"Read", kerr.UnknownTopicOrPartition, ": run trestle topics apply?"},
		{"Read", kerr.OffsetOutOfRange, ""},
	} {
		if got := kafka.AdviceOn(c.operation, c.err); got != c.want {
			t.Errorf("%s, %v: got %q, want %q", c.operation, c.err, got, c.want)
		}
	}
}

func TestRecordsGoThroughTheClient(t *testing.T) {
	t.Parallel()
	want := kafka.Record{
		Topic: "a", Key: []byte("k"), Value: nil, Partition: 3, Timestamp: epoch,
		Headers: []kafka.Header{{Key: "h", Value: nil}, {Key: "h", Value: []byte{}}},
	}
	if diff := cmp.Diff(want, kafka.FromClient(kafka.ToClient(&want))); diff != "" {
		t.Error(diff)
	}
}
