package trestle

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// Health says whether a publisher or consumer does what it is for.
type Health struct {
	// Live is false once it never will again in this process: a restart may help.
	Live bool `json:"live"`
	// Ready is false while anything keeps it, or a part of it, from that: there are reasons.
	Ready   bool           `json:"ready"`
	Reasons []HealthReason `json:"reasons,omitempty"`
}

// HealthReason is what keeps a publisher or consumer from its work.
type HealthReason struct {
	Code  HealthCode `json:"code"`
	Topic string     `json:"topic,omitempty"` // empty: it is about no topic
	Text  string     `json:"text"`            // for people
}

// HealthCode names a kind of reason.
type HealthCode string

// The kinds.
const (
	NotRunning        HealthCode = "not_running"         // Run has not begun, or has ended as it was told to; or it is closed
	Failed            HealthCode = "failed"              // Run has ended with an error; not live
	Fenced            HealthCode = "fenced"              // Run has ended since another member took its instance id; not live
	ClusterAway       HealthCode = "cluster_away"        // no broker has answered for 2 s
	NotAssigned       HealthCode = "not_assigned"        // the group has not told the member yet which partitions it gets
	DeadLetterRefused HealthCode = "dead_letter_refused" // a key stands still since its dead letter can't be written
	BreakerOpen       HealthCode = "breaker_open"        // the topic waits for the end of an outage
	TransactionFailed HealthCode = "transaction_failed"  // what was done since the last commit begins again: see WithTransactions
	Spooling          HealthCode = "spooling"            // events wait in a publisher's spool for the cluster
	Paused            HealthCode = "paused"              // by hand
	HeldKeysUnknown   HealthCode = "held_keys_unknown"   // partitions wait until it is known which of their keys are held
)

// awayPatience is for how long no broker must have answered to count as away.
const awayPatience = 2 * time.Second

func healthOf(reasons []HealthReason) Health {
	h := Health{Live: true, Ready: len(reasons) == 0, Reasons: reasons}
	for _, r := range reasons {
		h.Live = h.Live && r.Code != Failed && r.Code != Fenced
	}
	return h
}

// clusterHealth is the reason that the brokers of a client are away, if they are.
func clusterHealth(who string, client *kgo.Client) []HealthReason {
	since, err := kafka.Unreachable(client)
	if since.IsZero() || time.Since(since) < awayPatience {
		return nil
	}
	return []HealthReason{{Code: ClusterAway, Text: fmt.Sprintf("%s: no broker has answered for %v: %v", who, time.Since(since).Round(time.Second), err)}}
}

// Health says whether the publisher can publish: unless it is closed, or no broker answers. What it was not asked to send, it
// does not know of: until its first event it contacts nobody.
func (p *Publisher) Health() Health {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return healthOf([]HealthReason{{Code: NotRunning, Text: "the publisher is closed"}})
	}
	return healthOf(append(clusterHealth("publisher", p.client), p.spool.health()...))
}

// Health says whether the consumer handles all that its group gives it, and why it does not.
func (c *Consumer) Health() Health {
	c.mu.Lock()
	m, run, ended, failed := c.member, c.run, c.ended, c.failed
	c.mu.Unlock()
	switch {
	case errors.Is(failed, kerr.FencedInstanceID):
		return healthOf([]HealthReason{{Code: Fenced, Text: failed.Error()}})
	case failed != nil:
		return healthOf([]HealthReason{{Code: Failed, Text: failed.Error()}})
	case !run || ended || m == nil:
		return healthOf([]HealthReason{{Code: NotRunning, Text: fmt.Sprintf("consumer group %s does not run", c.group)}})
	}
	reasons := clusterHealth("consumer group "+c.group, m.client)
	if !m.assigned.Load() {
		text := fmt.Sprintf("consumer group %s has not told this member yet which partitions it gets", c.group)
		if err := m.lastErr.Load(); err != nil {
			text += ": " + (*err).Error()
		}
		reasons = append(reasons, HealthReason{Code: NotAssigned, Text: text})
	}
	return healthOf(slices.Concat(reasons, m.pending.health(), m.transactions.health(c.group), c.topicsHealth(m)))
}

// Health says whether the caller can send requests and read responses, as far as it has been asked to.
func (c *Caller) Health() Health {
	reasons := c.pub.Health().Reasons
	if len(reasons) == 0 { // else the one cluster need not be named twice
		reasons = clusterHealth("caller", c.replies.client)
	}
	return healthOf(reasons)
}

func (c *Consumer) topicsHealth(m *member) []HealthReason {
	var reasons []HealthReason
	paused := map[string][]int32{}
	for _, p := range m.queue.status(c.typeOf) {
		if p.paused {
			paused[p.tp.topic] = append(paused[p.tp.topic], p.tp.id)
		}
		if p.refused > 0 {
			parking := ""
			if c.cfg.parking != nil {
				parking = ", are not parked"
			}
			reasons = append(reasons, HealthReason{Code: DeadLetterRefused, Topic: p.tp.topic, Text: fmt.Sprintf(
				"partition %d: %d records can't be written to %s%s and hold up their keys, the first at offset %d with key %q",
				p.tp.id, p.refused, c.topics[p.tp.topic].info.DeadLetter, parking, p.firstRefused.offset, c.keyOf(p.tp.topic, p.firstRefused))})
		}
	}
	for topic, partitions := range paused {
		slices.Sort(partitions)
		reasons = append(reasons, HealthReason{Code: Paused, Topic: topic, Text: fmt.Sprintf("paused by hand: partitions %d", partitions)})
	}
	for topic, t := range c.topics {
		if since := t.breaker.openSince(); !since.IsZero() {
			reasons = append(reasons, HealthReason{Code: BreakerOpen, Topic: topic, Text: fmt.Sprintf(
				"handlers fail as in an outage: the topic has waited for %v", time.Since(since).Round(time.Second))})
		}
	}
	slices.SortFunc(reasons, func(a, b HealthReason) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Text, b.Text))
	})
	return reasons
}

// PartitionLag is what a consumer has not handled yet of a partition.
type PartitionLag struct {
	Topic     string
	Partition int32
	Records   int64         // in hand, and the offsets from there to the end of what is committed; -1 while that is not known
	Behind    time.Duration // age of the oldest record that is not done, by its timestamp; 0 when there is none
	InHand    int           // records that were fetched: running, queued, or waiting for another attempt
	// Offset, Key and EventType are those of the oldest record in hand, which there is if InHand is not 0. The key is "***" where
	// the topic has sensitive ones; the type is empty while it is not known.
	Offset    int64
	Key       string
	EventType string
}

// Lag says for each partition that is assigned at the moment what is not handled yet, in the order of topics and partitions.
func (c *Consumer) Lag() []PartitionLag {
	c.mu.Lock()
	m := c.member
	c.mu.Unlock()
	if m == nil {
		return nil
	}
	var lags []PartitionLag
	now := time.Now()
	for _, p := range m.queue.status(c.typeOf) {
		lag := PartitionLag{
			Topic: p.tp.topic, Partition: p.tp.id, Records: p.lag, Behind: age(p.since, now), InHand: p.inHand.records,
		}
		if p.oldest != nil {
			lag.Offset, lag.Key = p.oldest.offset, c.keyOf(p.tp.topic, p.oldest)
			if p.oldest.eventType != otherType {
				lag.EventType = p.oldest.eventType
			}
		}
		lags = append(lags, lag)
	}
	slices.SortFunc(lags, func(a, b PartitionLag) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return lags
}

// keyOf is a record's key as it may be shown: "***" where one of the topic's types has a sensitive one.
func (c *Consumer) keyOf(topic string, r *place) string {
	t := c.topics[topic]
	if t.raw != nil && t.raw.info.SensitiveKey {
		return t.raw.info.Key(string(r.key))
	}
	for _, h := range t.byType {
		if h.info.SensitiveKey {
			return h.info.Key(string(r.key))
		}
	}
	return string(r.key)
}

// HealthReporter is what has a Health: a [Publisher], a [Consumer], a [Caller].
type HealthReporter interface{ Health() Health }

// ReadyHandler answers 200 while all of them are ready and 503 otherwise, in either case with their reasons as JSON.
func ReadyHandler(of ...HealthReporter) http.Handler {
	return healthHandler(of, func(h Health) bool { return h.Ready })
}

// LiveHandler answers 200 while all of them are live and 503 otherwise, in either case with their reasons as JSON.
func LiveHandler(of ...HealthReporter) http.Handler {
	return healthHandler(of, func(h Health) bool { return h.Live })
}

func healthHandler(of []HealthReporter, well func(Health) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var reasons []HealthReason
		for _, one := range of {
			reasons = append(reasons, one.Health().Reasons...)
		}
		all := healthOf(reasons)
		w.Header().Set("Content-Type", "application/json")
		if !well(all) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(all) // whoever asked may have gone
	})
}
