package ops

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/twmb/franz-go/pkg/kgo"
)

// AuditEventType is the event type of the records of an audit topic.
const AuditEventType = "AuditEntry"

// AuditTransactionalID is the transactional id of those who write to an audit topic, by its name on the cluster.
func AuditTransactionalID(topic string) string { return "trestle-audit-" + topic }

// auditTopic has an entry a record. Of several commands that write at once none comes between another's last look and its entries: they share a transactional id.
type auditTopic struct {
	env     Environment
	logical string
}

func (a *auditTopic) String() string { return "topic " + a.logical }

// begin tries a transaction, and aborts it: whoever may not write to the topic learns it now.
func (a *auditTopic) begin(ctx context.Context) error {
	return a.appendAs(ctx, kgo.TryAbort, func(string) ([][]byte, error) { return [][]byte{[]byte("{}")}, nil })
}

func (a *auditTopic) append(ctx context.Context, next func(last string) ([][]byte, error)) error {
	return a.appendAs(ctx, kgo.TryCommit, next)
}

func (a *auditTopic) appendAs(ctx context.Context, how kgo.TransactionEndTry, next func(last string) ([][]byte, error)) error {
	topic, err := a.env.Names().Topic(a.logical)
	if err != nil {
		return err
	}
	conn, err := a.env.connect(ctx)
	if err != nil {
		return err
	}
	return kafka.AppendAfter(ctx, conn, topic, AuditTransactionalID(topic), how, func(last *kafka.Record) ([]*kafka.Record, error) {
		hash := ""
		if last != nil {
			if hash, err = hashOf(last.Value); err != nil {
				return nil, fmt.Errorf("%s/%d/%d: %w", topic, last.Partition, last.Offset, err)
			}
		}
		entries, err := next(hash)
		if err != nil {
			return nil, err
		}
		records := make([]*kafka.Record, len(entries))
		for i, e := range entries {
			records[i] = &kafka.Record{Value: e, Headers: []kafka.Header{
				{Key: wire.HeaderEventID, Value: []byte(uuid.Must(uuid.NewV7()).String())},
				{Key: wire.HeaderEventType, Value: []byte(AuditEventType)}, {Key: wire.HeaderContentType, Value: []byte(wire.ContentTypeJSON)},
			}}
		}
		return records, nil
	})
}

func (a *auditTopic) each(ctx context.Context, visit func(place string, entry []byte) error) error {
	topic, err := a.env.Names().Topic(a.logical)
	if err != nil {
		return err
	}
	conn, err := a.env.connect(ctx)
	if err != nil {
		return err
	}
	for r, err := range kafka.Scan(ctx, conn, []string{topic}, kafka.FromStart(), kafka.ToEnd()) {
		if kafka.Classify(err) == kafka.Missing {
			return nil
		}
		if err == nil {
			err = visit(fmt.Sprintf("%s/%d/%d", topic, r.Partition, r.Offset), r.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// topic is the name on the cluster of the topic that changes are written down on; empty: on none.
func (a *auditLog) topic() string {
	if a == nil {
		return ""
	}
	for _, j := range a.journals {
		if of, ok := j.(*auditTopic); ok {
			name, _ := of.env.Names().Topic(of.logical) // begin reports the error
			return name
		}
	}
	return ""
}

// isOn says that changes are written down on a topic, by its name on the cluster.
func (a *auditLog) isOn(topic string) bool { return topic != "" && a.topic() == topic }

// makeAuditTopic makes the topic that changes are written down on, where that is among what the plan makes: it has to be there before anything else is changed.
func (p *Plan) makeAuditTopic(ctx context.Context) error {
	if p.topics == nil {
		return nil
	}
	for _, t := range p.topics.Topics {
		if t.Action != topics.Create || !p.env.audit.isOn(t.Name) {
			continue
		}
		cl, err := p.env.kafka(ctx)
		if err != nil {
			return err
		}
		defer cl.Close()
		return (&topics.Plan{Topics: []topics.Topic{t}}).Apply(ctx, cl) // the rest of the plan finds it there
	}
	return nil
}
