package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Spec is a topic as it is declared.
type Spec struct {
	Name       string
	Partitions int32
	// ReplicationFactor of a topic that is created; 0 or -1 takes the broker's default. Existing topics keep theirs.
	ReplicationFactor int16
	// Config holds the declared settings by their Kafka names, such as retention.ms. Others are left as they are.
	Config map[string]string
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

	replication int16
}

// Change is one difference between a topic and its declaration.
type Change struct {
	// Name is "partitions" or a setting's Kafka name.
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
	// Warning says what the change breaks, if anything, or why it is refused.
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
	partitions, err := partitionCounts(ctx, cl, specs)
	if err != nil {
		return nil, err
	}
	existing := slices.Sorted(maps.Keys(partitions))
	configs := map[string]map[string]string{}
	if len(existing) > 0 {
		if configs, err = describeConfigs(ctx, kadm.NewClient(cl), existing); err != nil {
			return nil, err
		}
	}
	plan := &Plan{Topics: make([]Topic, 0, len(specs))}
	for _, s := range specs {
		t := Topic{Name: s.Name, Partitions: s.Partitions, Config: s.Config, Changes: []Change{}, replication: s.ReplicationFactor}
		if config, ok := configs[s.Name]; ok {
			t.compare(partitions[s.Name], config)
		} else {
			t.Action = Create
		}
		plan.Topics = append(plan.Topics, t)
	}
	return plan, nil
}

func (t *Topic) compare(have int32, config map[string]string) {
	t.Action = None
	switch {
	case have > t.Partitions:
		t.Action = Refused
		t.Changes = append(t.Changes, Change{"partitions", itoa(have), itoa(t.Partitions),
			"partitions can't be taken away: declare " + itoa(have) + ", or move to a topic of the next version"})
	case have < t.Partitions:
		t.Action = Update
		t.Changes = append(t.Changes, Change{"partitions", itoa(have), itoa(t.Partitions),
			"keys move to other partitions: events of one key are in order only among those written after the change"})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Config)) {
		from, to := config[name], t.Config[name]
		if from == to {
			continue
		}
		c := Change{Name: name, From: from, To: to}
		if name == "retention.ms" && shorter(to, from) {
			c.Warning = "records older than " + retention(to) + " are deleted"
		}
		t.Changes = append(t.Changes, c)
		if t.Action == None {
			t.Action = Update
		}
	}
}

// Apply does what the plan says. It refuses to start when a topic is refused, and goes on after a failure with the
// topics that are left; the error then joins all failures. Applying twice is harmless.
func (p *Plan) Apply(ctx context.Context, cl *kgo.Client) error {
	if refused := p.Refused(); len(refused) > 0 {
		var errs []error
		for _, t := range refused {
			errs = append(errs, fmt.Errorf("topic %s: %s is %s, declared %s: %s",
				t.Name, t.Changes[0].Name, t.Changes[0].From, t.Changes[0].To, t.Changes[0].Warning))
		}
		return errors.Join(errs...)
	}
	adm := kadm.NewClient(cl)
	var errs []error
	for _, t := range p.Topics {
		var err error
		switch t.Action {
		case Create:
			err = t.create(ctx, adm)
		case Update:
			err = t.update(ctx, adm)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s topic %s: %w", t.Action, t.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (t *Topic) create(ctx context.Context, adm *kadm.Client) error {
	config := make(map[string]*string, len(t.Config))
	for k, v := range t.Config {
		config[k] = &v
	}
	replication := t.replication
	if replication == 0 {
		replication = -1
	}
	resp, err := adm.CreateTopics(ctx, t.Partitions, replication, config, t.Name)
	if err != nil {
		return err
	}
	r := resp[t.Name]
	if r.Err != nil && !errors.Is(r.Err, kerr.TopicAlreadyExists) { // made by another apply meanwhile
		return withMessage(r.Err, r.ErrMessage)
	}
	return nil
}

func (t *Topic) update(ctx context.Context, adm *kadm.Client) error {
	var alter []kadm.AlterConfig
	for _, c := range t.Changes {
		if c.Name == "partitions" {
			resp, err := adm.UpdatePartitions(ctx, int(t.Partitions), t.Name)
			if err != nil {
				return err
			}
			if r := resp[t.Name]; r.Err != nil {
				return withMessage(r.Err, r.ErrMessage)
			}
			continue
		}
		to := c.To
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: c.Name, Value: &to})
	}
	if len(alter) == 0 {
		return nil
	}
	resp, err := adm.AlterTopicConfigs(ctx, alter, t.Name)
	if err != nil {
		return err
	}
	for _, r := range resp {
		if r.Err != nil {
			return withMessage(r.Err, r.ErrMessage)
		}
	}
	return nil
}

// partitionCounts asks the cluster itself, since the client's own view of its topics may be seconds old.
func partitionCounts(ctx context.Context, cl *kgo.Client, specs []Spec) (map[string]int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, s := range specs {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(s.Name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	counts := make(map[string]int32, len(resp.Topics))
	for _, t := range resp.Topics {
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case err == nil:
			counts[*t.Topic] = int32(len(t.Partitions))
		case !errors.Is(err, kerr.UnknownTopicOrPartition):
			return nil, fmt.Errorf("describe topic %s: %w", *t.Topic, err)
		}
	}
	return counts, nil
}

func describeConfigs(ctx context.Context, adm *kadm.Client, names []string) (map[string]map[string]string, error) {
	resources, err := adm.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe topic settings: %w", err)
	}
	out := make(map[string]map[string]string, len(resources))
	for _, r := range resources {
		if r.Err != nil {
			return nil, fmt.Errorf("describe settings of topic %s: %w", r.Name, r.Err)
		}
		config := make(map[string]string, len(r.Configs))
		for _, c := range r.Configs {
			if c.Value != nil {
				config[c.Key] = *c.Value
			}
		}
		out[r.Name] = config
	}
	return out, nil
}

func withMessage(err error, message string) error {
	if message == "" || strings.Contains(err.Error(), message) {
		return err
	}
	return fmt.Errorf("%w: %s", err, message)
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// shorter compares two retentions in milliseconds, -1 being for ever.
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
