package topics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Spec is a topic as it is declared.
type Spec struct {
	Name       string
	Partitions int32
	// ReplicationFactor of a topic that is created; 0 or -1 takes the broker's default. Existing topics keep theirs.
	ReplicationFactor int16
	// Config holds the declared settings by their Kafka names, such as retention.ms. Others are left as they are.
	Config map[string]string
	// Unkeyed says that its records have no keys, so that more partitions take nothing out of order.
	Unkeyed bool
}

// Action is what has to be done to a topic.
type Action string

// The actions of a plan.
const (
	Create  Action = "create"
	Update  Action = "update"
	None    Action = "none"
	Refused Action = "refused" // what is declared can't be reached without losing data
)

// Plan says what has to be done to each declared topic, in the order of the specs.
type Plan struct {
	Topics []Topic `json:"topics"`
}

// Topic is one topic of a plan: its declared state and how the cluster differs.
type Topic struct {
	Name       string            `json:"name"`
	Action     Action            `json:"action"`
	Partitions int32             `json:"partitions"`
	Config     map[string]string `json:"config"`
	Changes    []Change          `json:"changes"`
	// Done says, after [Plan.Apply], that the topic is as declared where something had to be done.
	Done bool `json:"done,omitempty"`

	replication int16
	unkeyed     bool
	failure     error
}

// Failure is why [Plan.Apply] could not bring the topic to its declaration; nil where it did, or did not come to it.
func (t Topic) Failure() error { return t.failure }

// Names of changes that are no settings.
const (
	PartitionsChange = "partitions" // of their number
	brokersChange    = "brokers"    // what these refuse
)

// Change is one difference between a topic and its declaration.
type Change struct {
	// Name is "partitions", a setting's Kafka name, or "brokers" for what they refuse.
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
	// Warning says what is lost with the change, if anything, or why it is refused.
	Warning string `json:"warning,omitempty"`
}

// Empty says that the cluster is as declared: there is nothing to do and nothing was refused.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Topics, func(t Topic) bool { return t.Action != None })
}

// Refused returns the topics that can't be brought to their declaration.
func (p *Plan) Refused() []Topic {
	var out []Topic
	for _, t := range p.Topics {
		if t.Action == Refused {
			out = append(out, t)
		}
	}
	return out
}

// NewPlan compares the declared topics with the cluster's. It changes nothing.
func NewPlan(ctx context.Context, cl *kgo.Client, specs []Spec) (*Plan, error) {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	existing, err := describe(ctx, cl, names)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Topics: make([]Topic, 0, len(specs))}
	for _, s := range specs {
		t := Topic{Name: s.Name, Partitions: s.Partitions, Config: s.Config, replication: s.ReplicationFactor, unkeyed: s.Unkeyed}
		t.compare(existing)
		plan.Topics = append(plan.Topics, t)
	}
	return plan, nil
}

// compare sets the action and the changes that lead from what exists to what is declared.
func (t *Topic) compare(existing map[string]described) {
	t.Action, t.Changes = None, []Change{}
	found, ok := existing[t.Name]
	if !ok {
		t.Action = Create
		return
	}
	have, config := found.partitions, found.config
	switch {
	case have > t.Partitions:
		t.Action = Refused
		t.Changes = append(t.Changes, Change{PartitionsChange, itoa(have), itoa(t.Partitions),
			"partitions can't be taken away: declare " + itoa(have) + ", or move to a topic of the next version"})
	case have < t.Partitions:
		t.Action = Update
		c := Change{Name: PartitionsChange, From: itoa(have), To: itoa(t.Partitions)}
		if !t.unkeyed {
			c.Warning = "keys move to other partitions: events of one key are in order only among those written after the change"
		}
		t.Changes = append(t.Changes, c)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Config)) {
		from, to := config[name], t.Config[name]
		if from == to {
			continue
		}
		t.Changes = append(t.Changes, Change{Name: name, From: from, To: to, Warning: deletes(name, from, to, t.Config)})
		if t.Action == None {
			t.Action = Update
		}
	}
}

// deletes says which records are lost when a setting changes; nothing where none is.
func deletes(setting, from, to string, declared map[string]string) string {
	switch {
	case setting == "retention.ms" && shorter(to, from):
		return "records older than " + retention(to) + " are deleted"
	case setting == "retention.bytes" && shorter(to, from):
		return "the oldest records of a partition with more than " + to + " bytes are deleted"
	case setting == "cleanup.policy" && has(to, "compact") && !has(from, "compact"):
		return "of each key all records but the newest are deleted"
	case setting == "cleanup.policy" && has(to, "delete") && !has(from, "delete"):
		if keep, ok := declared["retention.ms"]; !ok || !strings.HasPrefix(keep, "-") {
			return "records older than the topic's retention are deleted"
		}
	}
	return ""
}

// has says whether a list of a setting names a value.
func has(list, value string) bool { return slices.Contains(strings.Split(list, ","), value) }

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// shorter compares two retentions, in milliseconds or in bytes, -1 being without end.
func shorter(a, b string) bool {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX != nil || errY != nil || x < 0 {
		return false
	}
	return y < 0 || x < y
}

func retention(ms string) string {
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return ms + " ms"
	}
	d := time.Duration(n) * time.Millisecond
	if days := d / (24 * time.Hour); days > 0 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", days)
	}
	return d.String()
}
