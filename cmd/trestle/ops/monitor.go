package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/cluster"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/groups"
	"github.com/omninode/trestle/runtime/kafka"
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
	// DeadLetterRate is which part of a topic's events may have become dead letters within the window; default 0.01.
	DeadLetterRate float64 `yaml:"dead_letter_rate"`
	// ResponseMS is within how many milliseconds 95 of 100 requests of the window have to have their response; default 5000.
	ResponseMS int64 `yaml:"response_ms"`
	// UnderReplicated and Offline are how many partitions may lack replicas, or a leader; default 0.
	UnderReplicated int64 `yaml:"under_replicated"`
	Offline         int64 `yaml:"offline"`
}

func (l MonitorLimits) orDefaults() MonitorLimits {
	l.DeadLetters = cmp.Or(l.DeadLetters, 10)
	l.Lag = cmp.Or(l.Lag, 100)
	l.LagMS = cmp.Or(l.LagMS, LagLimit.Milliseconds())
	l.DeadLetterRate = cmp.Or(l.DeadLetterRate, 0.01)
	l.ResponseMS = cmp.Or(l.ResponseMS, 5000)
	return l
}

// MonitorSettings say what a monitor holds to its limits, and whom it tells.
type MonitorSettings struct {
	Limits MonitorLimits `yaml:"limits"`
	// Window is how far back rates and response times are looked at; default 5 minutes.
	Window time.Duration `yaml:"window"`
	Alerts AlertSettings `yaml:"alerts"`
}

// Threshold is a value beside what it may come to.
type Threshold struct {
	// Name is what is measured, and of what, such as lag:billing.
	Name  string  `json:"name"`
	Limit float64 `json:"limit"`
	Value float64 `json:"value"`
	// Passed says that it is more than that.
	Passed bool `json:"passed"`
	// Declared is what the schemas call what is measured, where it has another name in the environment; else as in Name.
	Declared string `json:"-"`
	// Scope is the end of a name that says what makes this another threshold than the project's own of what is measured, such as [limit=20]; else empty.
	Scope string `json:"-"`
}

// Subject is what a threshold's name says it is of, without its scope: empty where it is of the whole cluster.
func (t Threshold) Subject() (measure, of string) {
	measure, of, _ = strings.Cut(strings.TrimSuffix(t.Name, t.Scope), ":")
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

// The measures of a monitor. What is measured, and of what, is the name of a [Threshold].
const (
	MeasureLag             = "lag"              // records, of a group
	MeasureLagMS           = "lag_ms"           // milliseconds, of a group
	MeasureDeadLetters     = "dead_letters"     // that are not resolved, of a dead-letter topic
	MeasureDeadLetterRate  = "dead_letter_rate" // a part of 1, of a dead-letter topic
	MeasureResponseMS      = "response_ms"      // milliseconds, of a request
	MeasureUnderReplicated = "under_replicated" // partitions
	MeasureOffline         = "offline"          // partitions
	MeasureFailedLooks     = "failed_looks"     // looks of the monitor that failed, one after another
)

// Measures are the names of all that a monitor measures, sorted.
func Measures() []string {
	return []string{
		MeasureDeadLetterRate, MeasureDeadLetters, MeasureFailedLooks, MeasureLag, MeasureLagMS, MeasureOffline, MeasureResponseMS, MeasureUnderReplicated,
	}
}

// look is one look at an environment, on its way.
type look struct {
	Monitored
	set    *schema.Set
	env    Environment
	limits MonitorLimits
	window time.Duration
}

// add adds a threshold; what it is of has the declared name behind the one that it has in the environment.
func (l *look) add(measure, of, declared string, limit, value float64) {
	name := measure
	if of != "" {
		name += ":" + of
	}
	l.Thresholds = append(l.Thresholds, Threshold{name, limit, value, value > limit, declared, ""})
}

// FailedLooks is what there is to tell after looks that failed, n of them without one in between that did not. The limit is 2.
func FailedLooks(n int) *Monitored {
	l := look{Monitored: Monitored{Time: time.Now().UTC()}}
	l.add(MeasureFailedLooks, "", "", 2, float64(n))
	return &l.Monitored
}

// Monitor looks at an environment again and again. It is used from one goroutine.
type Monitor struct {
	project *Project
	env     Environment
	letters *replay.Tally // of the dead-letter topics that the schemas had at the last look; nil: of none
	topics  []string      // these
}

// NewMonitor returns what looks at an environment. It contacts nothing.
func NewMonitor(p *Project, env Environment) *Monitor { return &Monitor{project: p, env: env} }

// Look looks at dead letters and their rate, at the lag of the groups that the schemas declare, at the cluster's partitions, and, where the environment has a
// trace store, at how long requests wait for their responses. Each dead letter is read once, however often it looks. What the cluster does not have yet, a topic
// or a group, is 0. With an error, what could be measured is returned all the same; nil: nothing could.
func (m *Monitor) Look(ctx context.Context) (*Monitored, error) {
	set, err := m.project.loadIn(ctx, m.env)
	if err != nil {
		return nil, err
	}
	settings := m.project.Config.Monitor
	if settings.Window < 0 {
		return nil, fmt.Errorf("%s: monitor.window is %v, want a time such as 5m", ConfigName, settings.Window)
	}
	l := &look{
		Monitored: Monitored{time.Now().UTC(), []Threshold{}},
		set:       set, env: m.env, limits: settings.Limits.orDefaults(), window: cmp.Or(settings.Window, 5*time.Minute),
	}
	conn, err := m.env.connect(ctx)
	if err != nil {
		return nil, err
	}
	letters, err := m.unresolved(conn, deadLetterTopics(set))
	if err != nil {
		return nil, err
	}
	if err := l.cluster(ctx, conn, letters); err != nil {
		return nil, err
	}
	return &l.Monitored, l.responses(ctx)
}

// unresolved is what counts the letters of topics: that of the look before, if they are the same.
func (m *Monitor) unresolved(conn kafka.Connection, topics []string) (*replay.Tally, error) {
	if slices.Equal(m.topics, topics) { // there may be none
		return m.letters, nil
	}
	r, err := m.env.replayer(conn, nil)
	if err != nil {
		return nil, err
	}
	m.letters, m.topics = nil, nil
	if len(topics) > 0 {
		m.letters, err = r.Tally(replay.Filter{Topics: topics})
		m.topics = topics
	}
	return m.letters, err
}

func (l *look) cluster(ctx context.Context, conn kafka.Connection, letters *replay.Tally) error {
	cl, err := conn.Client()
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := l.groups(ctx, cl); err != nil {
		return err
	}
	health, err := cluster.Check(ctx, cl)
	if err != nil {
		return err
	}
	l.add(MeasureUnderReplicated, "", "", float64(l.limits.UnderReplicated), float64(len(health.UnderReplicated)))
	l.add(MeasureOffline, "", "", float64(l.limits.Offline), float64(len(health.Offline)))
	return l.deadLetters(ctx, cl, letters)
}

func (l *look) groups(ctx context.Context, cl *kgo.Client) error {
	for _, g := range l.set.Groups {
		d, err := groups.Describe(ctx, cl, g.Name)
		if errors.Is(err, groups.ErrNone) {
			d, err = &groups.Description{}, nil
		}
		if err != nil {
			return err
		}
		declared, _ := l.env.Names().GroupOf(g.Name)
		l.add(MeasureLag, g.Name, declared, float64(l.limits.Lag), float64(d.Lag()))
		l.add(MeasureLagMS, g.Name, declared, float64(l.limits.LagMS), float64(d.LagTime().Milliseconds()))
	}
	return nil
}

func (l *look) deadLetters(ctx context.Context, cl *kgo.Client, letters *replay.Tally) error {
	topics := deadLetterTopics(l.set)
	if len(topics) == 0 {
		return nil
	}
	written, err := l.written(ctx, cl)
	if err != nil {
		return err
	}
	now, err := letters.Look(ctx)
	if err != nil {
		return fmt.Errorf("count dead letters: %w", err)
	}
	for _, topic := range topics {
		declared, _ := l.env.Names().TopicOf(topic)
		l.add(MeasureDeadLetters, topic, declared, float64(l.limits.DeadLetters), float64(now.Topics[topic]))
		var events int64
		for _, source := range l.set.Topic(topic).DeadLetterOf {
			events += written[source.Name]
		}
		l.add(MeasureDeadLetterRate, topic, declared, l.limits.DeadLetterRate, deadLetterRate(written[topic], events, l.limits.DeadLetterRate))
	}
	return nil
}

// deadLetterRate is which part of the events failed. Of so few that a single one would pass the limit nothing is said: 0.
func deadLetterRate(letters, events int64, limit float64) float64 {
	events = max(events, letters) // letters may be of events that were written earlier
	if letters == 0 || float64(events)*limit < 1 {
		return 0
	}
	return float64(letters) / float64(events)
}

// written says how many offsets the topics that have dead letters, and those of dead letters, have had within the window. What does not exist has none.
func (l *look) written(ctx context.Context, cl *kgo.Client) (map[string]int64, error) {
	names := deadLetterTopics(l.set)
	for _, t := range l.set.Topics {
		if t.DeadLetter != nil {
			names = append(names, t.Name)
		}
	}
	spans, err := kafka.FindSpans(ctx, cl, l.Time.Add(-l.window), names...)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, name := range names {
		out[name] = spans.Offsets(name)
	}
	return out, nil
}

// responses adds how long requests waited for their responses, by the trace store.
func (l *look) responses(ctx context.Context) error {
	if l.env.Store == "" {
		return nil
	}
	store, err := l.env.traces(ctx, nil)
	switch {
	case errors.Is(err, fs.ErrNotExist): // nothing was traced yet, and no request is slow
		store = nil
	case err != nil:
		return err
	default:
		defer store.Close()
	}
	for _, e := range l.set.Events() {
		if e.Reply == nil {
			continue
		}
		var waited eventtrace.Responses
		if store != nil {
			if waited, err = store.responses(ctx, l.responseQuery(e)); err != nil {
				return err
			}
		}
		l.add(MeasureResponseMS, e.Type, e.Type, float64(l.limits.ResponseMS), float64(waited.P95.Milliseconds()))
	}
	return nil
}

func (l *look) responseQuery(e *schema.Event) eventtrace.ResponseQuery {
	return eventtrace.ResponseQuery{
		Request: e.Type, Reply: e.Reply.Type, From: l.Time.Add(-l.window), Until: l.Time,
		Patience: time.Duration(l.limits.ResponseMS) * time.Millisecond,
	}
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
