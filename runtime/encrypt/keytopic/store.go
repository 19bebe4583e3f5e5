package keytopic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/topics"
)

// Topic is the topic of keys, by its logical name.
const Topic = "trestle_keys"

// Spec is the topic of keys as it is to be declared, under its name in an environment. It has one partition, whose end is the end of all keys. What a key was
// before it was destroyed leaves the topic a day later, once another record was written then.
func Spec(name string, replicationFactor int16) topics.Spec {
	return topics.Spec{
		Name: name, Partitions: 1, ReplicationFactor: replicationFactor,
		Config: map[string]string{"cleanup.policy": "compact", "max.compaction.lag.ms": "86400000"},
	}
}

// TransactionalID is the transactional id of those who destroy keys or wrap them anew, by the topic's name on the cluster.
func TransactionalID(topic string) string { return "trestle-keys-" + topic }

const (
	// appendTimeout bounds how long a record is tried to be written.
	appendTimeout = 15 * time.Second
	// askTimeout bounds one question for the topic's end.
	askTimeout = 10 * time.Second
)

// Store keeps keys on a topic. It may be used from many goroutines.
type Store struct {
	conn   kafka.Connection
	topic  string
	client *kgo.Client
	admin  *kadm.Client
	log    *slog.Logger
}

var _ encrypt.Store = (*Store)(nil)

// New returns the store on a topic, by its name on the cluster, which is there, with one partition, or comes to be. It contacts nothing, and fails
// as [kafka.Connection.Validate] does.
func New(conn kafka.Connection, topic string) (*Store, error) {
	client, err := conn.Client(
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.MetadataMinAge(kafka.MetadataMinAge),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // of keys there is nothing to compress
		kgo.RecordDeliveryTimeout(appendTimeout),
	)
	if err != nil {
		return nil, fmt.Errorf("topic of keys %s: %w", topic, err)
	}
	s := &Store{conn: conn, topic: topic, client: client, admin: kadm.NewClient(client), log: slog.New(slog.DiscardHandler)}
	if conn.Logger != nil {
		s.log = kafka.LimitLog(client, conn.Logger)
	}
	return s, nil
}

// Close closes the connections. Readers are closed before.
func (s *Store) Close() { s.client.Close() }

// Append implements [encrypt.Store]: all replicas in sync have the entries when it returns.
func (s *Store) Append(ctx context.Context, entries ...*encrypt.Entry) error {
	err := s.append(ctx, entries)
	if errors.Is(err, kerr.UnknownTopicID) { // it was made anew: the client asks for the one that it knows without end
		s.client.PurgeTopicsFromProducing(s.topic)
		err = s.append(ctx, entries)
	}
	if err != nil {
		return fmt.Errorf("write to %s: %w%s", s.topic, err, kafka.AdviceOn("Write", err))
	}
	return nil
}

func (s *Store) append(ctx context.Context, entries []*encrypt.Entry) error {
	results := make(chan error, len(entries))
	for _, e := range entries {
		s.client.Produce(ctx, kafka.ToClient(s.record(e)), func(_ *kgo.Record, err error) { results <- err })
	}
	var first error
	for range entries {
		select { // what is under way is not given up by the client: whether it was written shows later
		case err := <-results:
			if first == nil {
				first = err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return first
}

func (s *Store) record(e *encrypt.Entry) *kafka.Record {
	r := e.Record()
	return &kafka.Record{Topic: s.topic, Key: r.Key, Value: r.Value}
}

// Replace implements [encrypt.Store], in a transaction of [TransactionalID].
func (s *Store) Replace(ctx context.Context, next func(context.Context) ([]*encrypt.Entry, error)) error {
	return kafka.WriteAlone(ctx, s.conn, s.topic, TransactionalID(s.topic), func() ([]*kafka.Record, error) {
		entries, err := next(ctx)
		if err != nil {
			return nil, err
		}
		records := make([]*kafka.Record, len(entries))
		for i, e := range entries {
			records[i] = s.record(e)
		}
		return records, nil
	})
}

// place is an end of the topic.
type place struct {
	id   string // of the topic; empty where brokers give topics none
	next int64
}

// end asks where the topic ends, open transactions included: behind their records may be others that nobody can read before these are settled.
func (s *Store) end(ctx context.Context) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest() // by hand: what the client has in its cache may be of a topic that is gone
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(s.topic)
	request.Topics = append(request.Topics, topic)
	request.AllowAutoTopicCreation = false
	found, err := request.RequestWith(ctx, s.client)
	if err == nil && len(found.Topics) != 1 {
		err = errors.New("brokers did not say")
	}
	if err == nil {
		err = kerr.ErrorForCode(found.Topics[0].ErrorCode)
	}
	if err != nil {
		return place{}, fmt.Errorf("find %s: %w%s", s.topic, err, kafka.AdviceOn("Describe", err))
	}
	if n := len(found.Topics[0].Partitions); n != 1 {
		return place{}, fmt.Errorf("topic %s has %d partitions, and keys need one", s.topic, n)
	}
	ends, err := s.admin.ListEndOffsets(ctx, s.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return place{}, fmt.Errorf("find where %s ends: %w%s", s.topic, err, kafka.AdviceOn("Describe", err))
	}
	end, ok := ends.Lookup(s.topic, 0)
	if !ok {
		return place{}, fmt.Errorf("find where %s ends: brokers did not say it", s.topic)
	}
	return place{kafka.TopicIDText(found.Topics[0].TopicID), end.Offset}, nil
}
