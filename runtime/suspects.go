package trestle

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// suspects are the records whose outputs may be why a topic has refused a transaction, and the topics that have refused whatever they were
// given. Their outputs are tried before they count: in a transaction of its own, which is aborted. So an event whose outputs are refused fails
// alone.
type suspects struct {
	mu     sync.Mutex
	places map[suspectPlace]bool
	topics map[string]bool
}

type suspectPlace struct {
	topicPartition
	offset int64
}

func newSuspects() suspects {
	return suspects{places: map[suspectPlace]bool{}, topics: map[string]bool{}}
}

// maxSuspects bounds the records that are remembered: of those of one refusal only as many as a batch has can be to blame.
const maxSuspects = 10_000

// add notes that an output of the record at a place was refused.
func (s *suspects) add(at topicPartition, offset int64, topic string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case kafka.IsAboutTopic(err):
		s.topics[topic] = true
	case kafka.IsAboutRecord(err) && len(s.places) < maxSuspects:
		s.places[suspectPlace{at, offset}] = true
	}
}

func (s *suspects) has(t *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.places) > 0 && s.places[suspectPlace{topicPartition{t.record.Topic, t.record.Partition}, t.record.Offset}]
}

// sends says whether one of the outputs goes to a topic that refuses all.
func (s *suspects) sends(all []*sending) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range all {
		if s.topics[one.client.Topic] {
			return true
		}
	}
	return false
}

func (s *suspects) clear(at topicPartition, offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.places, suspectPlace{at, offset})
}

// took notes that topics have taken outputs.
func (s *suspects) took(all []*sending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range all {
		delete(s.topics, one.client.Topic)
	}
}

// accept returns outputs of a record as they are to go with its commit. An error says why they can't, and is that of the record.
func (x *transactor) accept(t *task, all []*sending) ([]*sending, error) {
	ctx := t.part.ctx
	switch {
	case len(all) == 0:
		return nil, nil
	case x.direct():
		return nil, x.deliver(ctx, all)
	case !x.suspects.has(t) && !x.suspects.sends(all):
		return all, nil
	}
	x.trying.Lock()
	defer x.trying.Unlock()
	if err := x.try(ctx, all); err != nil {
		return nil, err
	}
	x.suspects.took(all)
	return all, nil
}

// try returns why the cluster does not take outputs, nil if it does or that can't be told. It writes them into a transaction that is aborted.
func (x *transactor) try(ctx context.Context, all []*sending) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	client, err := x.pub.cfg.kafka.Client(x.options(x.id + "-trial")...)
	if err != nil {
		return fmt.Errorf("WithTransactions: %w", err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return nil
	}
	var mu sync.Mutex
	var refused error
	var taken []*kgo.Record
	for _, s := range all {
		record := s.client
		client.Produce(ctx, &record, func(r *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				taken = append(taken, r)
			case refused == nil && (kafka.IsAboutTopic(err) || kafka.IsAboutRecord(err)):
				refused = s.failed(err, Refused)
			}
		})
	}
	if client.Flush(ctx) != nil {
		return nil
	}
	_ = kafka.EndTransaction(ctx, client, kgo.TryAbort, taken) // brokers do it when its time is up
	return refused
}

// deliver publishes outputs as they would have been without transactions, and waits for them.
func (x *transactor) deliver(ctx context.Context, all []*sending) error {
	for _, s := range all {
		answered := make(chan error, 1)
		s.published = x.pub.since()
		if err := x.pub.send(ctx, s, func(_ Receipt, err error) { answered <- err }); err != nil {
			return err
		}
		select {
		case err := <-answered:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return s.failed(context.Cause(ctx), FateUnknown)
		}
	}
	return nil
}
