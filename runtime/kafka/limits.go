package kafka

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/deadletter"
)

const (
	// BatchFactor is how many times as large as its topic's max.message.bytes a batch may be once it is opened. That limit is
	// one of compressed batches, and compression has hardly one: a few kilobytes can hold gigabytes.
	BatchFactor = 16
	// DefaultMaxMessageBytes is the max.message.bytes of topics and brokers that nobody set.
	DefaultMaxMessageBytes = 1048588
)

// Limits bound what a client that reads topics takes into memory because of one batch, and which records it reads: a batch
// may open to BatchFactor times the largest max.message.bytes of the topics, and a record have as many bytes as its topic takes
// in a message. They are the client's decompressor, for [kgo.WithDecompressor]; a client that has [kgo.MaxDecompressBatchBytes]
// among its options opens batches up to that. They may be used from many goroutines.
//
// The bound is one for all topics of a client, as a decompressor is given a batch's bytes and not its topic: beside a topic that
// takes large messages, the batches of others may open to as much. A topic's own limit holds for its records once they are read.
type Limits struct {
	open atomic.Pointer[opener]

	mu      sync.Mutex
	topics  map[string]int  // max.message.bytes, as far as it is known
	untold  map[string]bool // of which brokers do not tell this user
	set     int             // by the client's options; 0: not
	asked   time.Time       // when brokers were asked last
	problem error           // an opener could not be made
}

// opener opens batches that have at most so many bytes then.
type opener struct {
	most int
	kgo.Decompressor
}

// NewLimits returns the limits of topics of which it is known what they take, in bytes; 0: it isn't.
func NewLimits(topics map[string]int) *Limits {
	l := &Limits{topics: map[string]int{}, untold: map[string]bool{}}
	for topic, most := range topics {
		if most > 0 {
			l.topics[topic] = most
		}
	}
	l.settle()
	return l
}

// HoldTo takes a client's own option, if it has one.
func (l *Limits) HoldTo(client *kgo.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if most, ok := client.OptValue(kgo.MaxDecompressBatchBytes).(int); ok && most != unset() {
		l.set = most
		l.settle()
	}
}

// unset is what a client opens whose options don't say it.
var unset = sync.OnceValue(func() int {
	most := 0
	if client, err := kgo.NewClient(); err == nil {
		most, _ = client.OptValue(kgo.MaxDecompressBatchBytes).(int)
		client.Close()
	}
	return most
})

// settle needs mu, but in a constructor.
func (l *Limits) settle() {
	most := l.set
	if most == 0 {
		largest := DefaultMaxMessageBytes
		for _, one := range l.topics {
			largest = max(largest, one)
		}
		most = min(largest, math.MaxInt32/BatchFactor) * BatchFactor
	}
	if now := l.open.Load(); now != nil && now.most == most {
		return
	}
	// The client's own, which streams and stops at the bound. Only a client makes one.
	client, err := kgo.NewClient(kgo.MaxDecompressBatchBytes(most))
	if err != nil {
		l.problem = err
		return
	}
	defer client.Close()
	if d, ok := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor); ok {
		l.open.Store(&opener{most, d})
	}
}

var errNoOpener = errors.New("batches can't be opened")

// Decompress implements [kgo.Decompressor].
func (l *Limits) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	o := l.open.Load()
	if o == nil {
		return nil, errNoOpener
	}
	return o.Decompress(src, codec)
}

// Batch is what a batch may open to, in bytes.
func (l *Limits) Batch() int {
	if o := l.open.Load(); o != nil {
		return o.most
	}
	return 0
}

// Record is how large a topic's records may be, in bytes.
func (l *Limits) Record(topic string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if most, known := l.topics[topic]; known {
		return most
	}
	return DefaultMaxMessageBytes
}

// Ask asks brokers what topics take. Of those that they don't tell it of, such as to who may not know, what was known stays.
func (l *Limits) Ask(ctx context.Context, client *kgo.Client, topics ...string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req := kmsg.NewPtrDescribeConfigsRequest()
	for _, topic := range topics {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName, r.ConfigNames = kmsg.ConfigResourceTypeTopic, topic, []string{maxMessageBytes}
		req.Resources = append(req.Resources, r)
	}
	answer, err := req.RequestWith(ctx, client)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = time.Now()
	errs := []error{err}
	if err == nil {
		for _, topic := range answer.Resources {
			err := kerr.ErrorForCode(topic.ErrorCode)
			l.untold[topic.ResourceName] = IsUnauthorised(err)
			errs = append(errs, err)
			for _, c := range topic.Configs {
				if c.Name != maxMessageBytes || c.Value == nil {
					continue
				}
				if most, notNumber := strconv.Atoi(*c.Value); notNumber == nil && most > 0 {
					l.topics[topic.ResourceName] = most
				}
			}
		}
	}
	l.settle()
	return errors.Join(append(errs, l.problem)...)
}

const maxMessageBytes = "max.message.bytes"

const (
	askTimeout = 5 * time.Second
	askAgain   = time.Second // at the soonest
)

// Grew asks brokers again whether a topic takes more than was known: its setting may have been changed.
func (l *Limits) Grew(ctx context.Context, client *kgo.Client, topic string) bool {
	value, batch := l.Record(topic), l.Batch()
	l.mu.Lock()
	soon := time.Since(l.asked) < askAgain
	l.mu.Unlock()
	if soon {
		return false
	}
	return l.Ask(ctx, client, topic) == nil && (l.Record(topic) > value || l.Batch() > batch)
}

// Pass has a client go on where it stopped at a batch that it did not open: behind the batch, or at an offset again where brokers
// say that the topic takes more by now. It says whether the batch was passed.
func (l *Limits) Pass(ctx context.Context, client *kgo.Client, batch *kgo.ErrDecompressTooLarge, again int64) bool {
	if l.Grew(ctx, client, batch.Topic) {
		seek(client, batch.Topic, batch.Partition, kgo.EpochOffset{Epoch: -1, Offset: again})
		return false
	}
	seek(client, batch.Topic, batch.Partition, kgo.EpochOffset{Epoch: batch.Epoch, Offset: batch.NextOffset})
	return true
}

// recordSize is what a record's producer wrote, in bytes.
func recordSize(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// letterFactor is how many times as large as other records a dead letter may be: it holds one, at worst in base64.
const letterFactor = 2

func isLetter(r *kgo.Record) bool {
	return slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool {
		return h.Key == deadletter.HeaderEventType && string(h.Value) == deadletter.EventType
	})
}

// Oversized returns what is wrong with a record that is too large for its topic; nil: nothing.
func (l *Limits) Oversized(ctx context.Context, client *kgo.Client, r *kgo.Record) *OversizedError {
	size := recordSize(r)
	limit := func() int {
		if isLetter(r) {
			return letterFactor * l.Record(r.Topic)
		}
		return l.Record(r.Topic)
	}
	exceeds := func() bool { return size > l.Record(r.Topic) && size > limit() } // what a letter is, few records need be asked
	if !exceeds() || l.Grew(ctx, client, r.Topic) && !exceeds() {
		return nil
	}
	l.mu.Lock()
	untold := l.untold[r.Topic]
	l.mu.Unlock()
	return &OversizedError{Bytes: size, Limit: limit(), FirstOffset: r.Offset, LastOffset: r.Offset, Untold: untold}
}

// keptPart is how large a key or header may be that is kept of a record which is too large.
const keptPart = 1 << 10

// Check returns a record, without its value, large headers and a large key where it is too large for its topic.
func (l *Limits) Check(ctx context.Context, client *kgo.Client, r *kgo.Record) Record {
	record := FromClient(r)
	if record.Oversized = l.Oversized(ctx, client, r); record.Oversized == nil {
		return record
	}
	// Nothing of it keeps the batch in memory.
	record.Value = nil
	if record.Key = bytes.Clone(record.Key); len(record.Key) > keptPart {
		record.Key = nil
	}
	record.Headers = slices.DeleteFunc(record.Headers, func(h Header) bool { return len(h.Key)+len(h.Value) > keptPart })
	for i, h := range record.Headers {
		record.Headers[i].Value = bytes.Clone(h.Value)
	}
	return record
}
