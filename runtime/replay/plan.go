package replay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/omninode/trestle/runtime/kafka"
)

// Plan says what a replay would do.
type Plan struct {
	// Counts has nothing done: Selected less Skipped would be replayed.
	Counts
	// Causes, Groups and Sources are of the letters that would be replayed: by cause, the most frequent first; by the group that they
	// are for, "" being all; by the topic that they go to.
	Causes  []CauseStats
	Groups  map[string]int
	Sources map[string]int
	// Parked are letters in the store of [Options] that the filter means as well, by dead-letter topic: they would not be replayed before
	// parking.Publish has brought them there, and are selected again.
	Parked map[string]int
	// Readers are the consumer groups that read these topics.
	Readers []Reader
}

// Reader is a group that reads a topic which events would go to, because it has committed a position there, or has members that subscribe
// to it. Consumers without a group can't be known.
type Reader struct {
	Topic, Group string
	// Target says that some of the events are for it.
	Target bool
	// Skips says that it passes over events that are replayed for other groups: it is one of ours. Others see all of them again.
	Skips bool
}

// Plan says what [Selection.Replay] would do with the same options, and does nothing of it.
func (s *Selection) Plan(ctx context.Context, o ReplayOptions) (*Plan, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	client, err := s.r.conn.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	plan := &Plan{Groups: map[string]int{}, Sources: map[string]int{}}
	targets := map[string]map[string]bool{} // by topic
	causes, from := map[string]*CauseStats{}, s.r.newSources(client)
	for l, err := range s.allChosen(ctx) {
		if err != nil {
			return nil, err
		}
		plan.selected(l.Letter)
		sent, err := s.prepare(ctx, from, l, &o, &plan.Counts)
		if why, ok := errors.AsType[*leftAlone](err); ok {
			plan.leave(&o, l, why)
			continue
		}
		if err != nil {
			return nil, err
		}
		group := joined(sent.resolution.Groups)
		plan.Groups[group]++
		plan.Sources[l.Source]++
		countCause(causes, l.Letter)
		if targets[l.Source] == nil {
			targets[l.Source] = map[string]bool{}
		}
		targets[l.Source][group] = true
	}
	plan.Causes = byCount(causes)
	if plan.Parked, err = s.parked(ctx); err != nil {
		return nil, err
	}
	plan.Readers, err = readers(ctx, kadm.NewClient(client), targets)
	return plan, err
}

// allChosen is chosen for all topics, with what is resolved now.
func (s *Selection) allChosen(ctx context.Context) iter.Seq2[*chosen, error] {
	return func(yield func(*chosen, error) bool) {
		if s.unresolvable != nil {
			yield(nil, s.unresolvable)
			return
		}
		resolved, err := s.r.resolved(ctx, s.ids)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, topic := range s.topics {
			for l, err := range s.chosen(ctx, topic, resolved) {
				if !yield(l, err) {
					return
				}
			}
		}
	}
}

func joined(names []string) string { return strings.Join(names, ",") }

// commitNotePrefix begins what our consumers write beside the positions that they commit.
const commitNotePrefix = "trestle/"

// readers finds the groups that read topics.
func readers(ctx context.Context, admin *kadm.Client, targets map[string]map[string]bool) ([]Reader, error) {
	if len(targets) == 0 {
		return nil, nil
	}
	listed, err := admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list consumer groups: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	subscribed := subscriptions(ctx, admin, listed)
	commits := admin.FetchManyOffsets(ctx, listed.Groups()...)
	var found []Reader
	for _, group := range listed.Groups() {
		for _, topic := range slices.Sorted(maps.Keys(targets)) {
			r := Reader{Topic: topic, Group: group, Target: targets[topic][group] || targets[topic][""]}
			reads := slices.Contains(subscribed[group], topic)
			for _, commit := range commits[group].Fetched[topic] {
				if commit.Err == nil && commit.At >= 0 {
					reads = true
					r.Skips = r.Skips || strings.HasPrefix(commit.Metadata, commitNotePrefix)
				}
			}
			if reads {
				found = append(found, r)
			}
		}
	}
	return found, nil
}

// subscriptions are the topics that members of groups ask for. Groups that can't be described have none: their commits are known still.
func subscriptions(ctx context.Context, admin *kadm.Client, listed kadm.ListedGroups) map[string][]string {
	topics := map[string][]string{}
	var names, shares []string
	for _, g := range listed.Sorted() {
		if g.ProtocolType == "share" {
			shares = append(shares, g.Group)
		} else {
			names = append(names, g.Group)
		}
	}
	if len(names) > 0 {
		classic, _ := admin.DescribeGroups(ctx, names...)
		for _, g := range classic.Sorted() {
			for _, m := range g.Members {
				if joined, ok := m.Join.AsConsumer(); ok {
					topics[g.Group] = append(topics[g.Group], joined.Topics...)
				}
			}
		}
		byBrokers, _ := admin.DescribeConsumerGroups(ctx, names...)
		for name, g := range byBrokers {
			topics[name] = append(topics[name], g.SubscribedTopics()...)
			for topic := range g.AssignedPartitions() { // of patterns
				topics[name] = append(topics[name], topic)
			}
		}
	}
	if len(shares) > 0 {
		described, _ := admin.DescribeShareGroups(ctx, shares...)
		for name, g := range described {
			for _, m := range g.Members {
				topics[name] = append(topics[name], m.SubscribedTopicNames...)
			}
		}
	}
	return topics
}
