package trestletest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
)

// maxShown is how many records a failure lists.
const maxShown = 20

// Await returns the first event of the type P on its topic that is as every match asks, whoever wrote it, and waits for it up to
// [Patience]. Where none comes the test ends, with what the topic holds instead.
func Await[P trestle.Event](tb testing.TB, c *Cluster, match ...Match[P]) P {
	tb.Helper()
	info := c.info(nameable[P](tb))
	var found P
	var sent []*Sent
	c.await(tb, info.Topic.Name, func(r *trestle.Record) bool {
		s := &Sent{Info: info, Record: *r}
		decoded, err := trestle.Decode(r, trestle.NewTypes(info), trestle.DecodeOptions{Keys: Keys()})
		switch {
		case err == nil:
			s.Event, s.Envelope = decoded.Event, decoded.Envelope
		default:
			s.Err = err
		}
		sent = append(sent, s)
		e, ok := s.Event.(P)
		if ok && len(differing(e, match)) == 0 {
			found = e
		}
		return ok && len(differing(e, match)) == 0
	}, func() string {
		shown := sent[max(0, len(sent)-maxShown):]
		return fmt.Sprintf("no %s%s came to %s%s", info.Type, wanted(match), info.Topic.Name, instead(shown, match))
	})
	return found
}

// AwaitDeadLetter returns the first dead letter of an event of the type P that is as every match asks, and waits for it up to
// [Patience]. Where none comes the test ends, with the dead letters that there are. An event that can't be decoded is as none
// asks.
func AwaitDeadLetter[P trestle.Event](tb testing.TB, c *Cluster, match ...Match[P]) *deadletter.DeadLetter {
	tb.Helper()
	info := c.info(nameable[P](tb))
	if info.Topic.DeadLetter == "" {
		tb.Fatalf("topic %s has no dead-letter topic", info.Topic.Name)
	}
	var found *deadletter.DeadLetter
	var lines []string
	c.await(tb, info.Topic.DeadLetter, func(r *trestle.Record) bool {
		d, err := deadletter.Parse(r)
		if err != nil {
			lines = append(lines, fmt.Sprintf("offset %d: %v", r.Offset, err))
			return false
		}
		why, ok := letterOf(info, d, match)
		if ok {
			found = d
		}
		lines = append(lines, fmt.Sprintf("of %s/%d@%d, by group %s after %d retries: %s: %s%s", d.SourceTopic, d.Original.Partition,
			d.Original.Offset, d.ConsumerGroup, d.RetryCount, d.Error.Type, d.Error.Message, why))
		return ok
	}, func() string {
		if len(lines) == 0 {
			lines = []string{"nothing is there"}
		}
		return fmt.Sprintf("no dead letter of a %s%s came to %s:\n  %s", info.Type, wanted(match), info.Topic.DeadLetter,
			strings.Join(lines[max(0, len(lines)-maxShown):], "\n  "))
	})
	return found
}

// letterOf says whether a dead letter is of an event of the type P that is as asked, and why not, a line each.
func letterOf[P trestle.Event](info *trestle.EventInfo, d *deadletter.DeadLetter, match []Match[P]) (why string, ok bool) {
	if d.SourceTopic != info.Topic.Name {
		return "", false
	}
	original := trestle.Record{Topic: d.SourceTopic, Key: d.Original.Key, Value: d.Original.Value, Headers: d.Original.Headers}
	decoded, _ := trestle.Decode(&original, trestle.NewTypes(info), trestle.DecodeOptions{Keys: Keys()}) // of an invalid event there may be one, too
	e, ok := decoded.Event.(P)
	if !ok {
		return "", len(match) == 0 && (decoded.Envelope.EventType == "" || decoded.Envelope.EventType == info.Type)
	}
	for _, line := range differing(e, match) {
		why, ok = why+"\n      "+line, false
	}
	return why, ok
}

// AwaitDone waits until a group has handled, or given up, all that the topics hold which it has read anything of. The test ends
// when that is not so within [Patience].
func (c *Cluster) AwaitDone(group string) {
	c.tb.Helper()
	name, err := c.names.Group(group)
	if err != nil {
		c.tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.tb.Context(), Patience)
	defer cancel()
	left := ""
	_, err = c.kafka.WaitGroupInfo(ctx, name, func(g *kfake.GroupInfo) bool {
		left = "it has committed nothing"
		if g == nil || len(g.Commits) == 0 {
			return false
		}
		for topic, commits := range g.Commits {
			for _, p := range c.kafka.PartitionInfos(topic) {
				if at := commits[p.Partition].Offset; at < p.HighWatermark {
					left = fmt.Sprintf("%s/%d is done up to offset %d of %d", topic, p.Partition, at, p.HighWatermark)
					return false
				}
			}
		}
		return true
	})
	if err != nil {
		c.tb.Fatalf("group %s is not done: %s", name, left)
	}
}

// nameable returns the description of an event type.
func nameable[P trestle.Event](tb testing.TB) *trestle.EventInfo {
	tb.Helper()
	var none P
	if any(none) == nil {
		tb.Fatal("the event type is an interface: name a generated one")
	}
	info := none.EventInfo()
	if info.Topic == nil {
		tb.Fatalf("event type %s has no topic", info.FullName)
	}
	return info
}

// info is an event type's description on the cluster.
func (c *Cluster) info(info *trestle.EventInfo) *trestle.EventInfo {
	c.tb.Helper()
	named, err := c.names.Event(info)
	if err != nil {
		c.tb.Fatal(err)
	}
	return named
}

// await reads a topic from its start until it holds what is looked for.
func (c *Cluster) await(tb testing.TB, topic string, isIt func(*trestle.Record) bool, failure func() string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Patience)
	defer cancel()
	for r, err := range kafka.Scan(ctx, c.Connection(), []string{topic}, kafka.FromStart(), kafka.Endless()) {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			tb.Fatalf("waited %v: %s", Patience, failure())
		case err != nil:
			tb.Fatalf("%v; until then: %s", err, failure())
		case isIt(r):
			return
		}
	}
}
