package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/cluster"
	"github.com/omninode/trestle/runtime/groups"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MonitorLimits are what values may come to. Zero fields take the defaults, which are those of the guide where it has some.
type MonitorLimits struct {
	// DeadLetters is how many letters of a topic may be unresolved; default 10.
	DeadLetters int64 `yaml:"dead_letters"`
	// Lag is how many records a declared group may be behind; default 100.
	Lag int64 `yaml:"lag"`
	// LagMS is how old the oldest of these may be, in milliseconds; default 300,000.
	LagMS int64 `yaml:"lag_ms"`
	// UnderReplicated and Offline are how many partitions may lack replicas, or a leader; default 0.
	UnderReplicated int64 `yaml:"under_replicated"`
	Offline         int64 `yaml:"offline"`
}

func (l MonitorLimits) orDefaults() MonitorLimits {
	set := func(v *int64, to int64) {
		if *v == 0 {
			*v = to
		}
	}
	set(&l.DeadLetters, 10)
	set(&l.Lag, 100)
	set(&l.LagMS, LagLimit.Milliseconds())
	return l
}

// Threshold is a value beside what it may come to.
type Threshold struct {
	// Name is what is measured, and of what, such as lag:billing.
	Name  string `json:"name"`
	Limit int64  `json:"limit"`
	Value int64  `json:"value"`
	// Passed says that it is more than that.
	Passed bool `json:"passed"`
}

// Subject is what a threshold's name says it is of: empty where it is of the whole cluster.
func (t Threshold) Subject() (measure, of string) {
	measure, of, _ = strings.Cut(t.Name, ":")
	return measure, of
}

// Monitored is one look at an environment.
type Monitored struct {
	Time       time.Time   `json:"time"`
	Thresholds []Threshold `json:"thresholds"`
}

// Passed returns the thresholds that were passed.
func (m *Monitored) Passed() []Threshold {
	return slices.DeleteFunc(slices.Clone(m.Thresholds), func(t Threshold) bool { return !t.Passed })
}

// Monitor looks at dead letters, at the lag of the groups that the schemas declare, and at the cluster's partitions, once. What the cluster does not have yet,
// a topic or a group, is 0.
func Monitor(ctx context.Context, p *Project, env Environment) (*Monitored, error) {
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	conn, err := env.connect(ctx)
	if err != nil {
		return nil, err
	}
	cl, err := conn.Client()
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	limits := p.Config.Monitor.Limits.orDefaults()
	m := &Monitored{Time: time.Now().UTC(), Thresholds: []Threshold{}}
	add := func(name string, limit, value int64) {
		m.Thresholds = append(m.Thresholds, Threshold{name, limit, value, value > limit})
	}
	if err := monitorGroups(ctx, cl, set, limits, add); err != nil {
		return nil, err
	}
	health, err := cluster.Check(ctx, cl)
	if err != nil {
		return nil, err
	}
	add("under_replicated", limits.UnderReplicated, int64(len(health.UnderReplicated)))
	add("offline", limits.Offline, int64(len(health.Offline)))
	resolutions, err := env.Names().Topic(replay.ResolutionsTopic)
	if err != nil {
		return nil, err
	}
	r, err := replay.New(conn, replay.Options{Resolutions: resolutions})
	if err != nil {
		return nil, err
	}
	for _, topic := range deadLetterTopics(set) { // one by one: one that is missing hides no other
		unresolved, err := unresolvedIn(ctx, r, topic)
		if err != nil {
			return nil, err
		}
		add("dead_letters:"+topic, limits.DeadLetters, unresolved)
	}
	return m, nil
}

func monitorGroups(ctx context.Context, cl *kgo.Client, set *schema.Set, limits MonitorLimits, add func(name string, limit, value int64)) error {
	for _, g := range set.Groups {
		d, err := groups.Describe(ctx, cl, g.Name)
		if errors.Is(err, groups.ErrNone) {
			d, err = &groups.Description{}, nil
		}
		if err != nil {
			return err
		}
		add("lag:"+g.Name, limits.Lag, d.Lag())
		add("lag_ms:"+g.Name, limits.LagMS, d.LagTime().Milliseconds())
	}
	return nil
}

// deadLetterTopics are those of a set, by name.
func deadLetterTopics(set *schema.Set) []string {
	var all []string
	for _, t := range set.Topics {
		if t.DeadLetter != nil {
			all = append(all, t.DeadLetter.Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func unresolvedIn(ctx context.Context, r *replay.Replayer, topic string) (int64, error) {
	selection, err := r.Select(ctx, replay.Filter{Topics: []string{topic}})
	if _, missing := errors.AsType[*replay.MissingTopicError](err); missing {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	stats, err := selection.Stats(ctx)
	if err != nil {
		return 0, fmt.Errorf("count dead letters of %s: %w", topic, err)
	}
	return int64(stats.Unresolved), nil
}
