package ops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/groups"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ListedGroup is a consumer group of the cluster, or one that the schemas declare.
type ListedGroup struct {
	Group   string `json:"group"`
	State   string `json:"state"`
	Members int    `json:"members"`
	// Declared says that the project's schemas have the group; State is "absent" where the cluster has none of the name.
	Declared bool `json:"declared"`
	// Logical is what the schemas call it, where it has another name in the environment.
	Logical string `json:"logical,omitempty"`
}

// Absent is the state of a declared group that the cluster does not know: nobody has read for it.
const Absent = "absent"

// ListGroups lists the cluster's groups, and those that the schemas declare besides, by name.
func ListGroups(ctx context.Context, p *Project, env Environment) ([]ListedGroup, error) {
	set, err := p.loadIfAny(ctx, env)
	if err != nil {
		return nil, err
	}
	declared := map[string]string{} // what the schemas call them, by their names on the cluster
	for _, g := range set.Groups {
		declared[g.Name], _ = env.Names().GroupOf(g.Name)
	}
	cl, err := env.kafka(ctx)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	found, err := groups.List(ctx, cl, slices.Collect(maps.Keys(declared))...)
	if err != nil {
		return nil, err
	}
	list := []ListedGroup{}
	for _, g := range found {
		logical, ok := declared[g.Name]
		delete(declared, g.Name)
		list = append(list, ListedGroup{g.Name, g.State, g.Members, ok, otherThan(logical, g.Name)})
	}
	for name, logical := range declared {
		list = append(list, ListedGroup{name, Absent, 0, true, otherThan(logical, name)})
	}
	slices.SortFunc(list, func(a, b ListedGroup) int { return strings.Compare(a.Group, b.Group) })
	return list, nil
}

func otherThan(logical, name string) string {
	if logical == name {
		return ""
	}
	return logical
}

// groupOf is the name in an environment of a group that somebody has named: as the schemas do, else as the cluster does. The set has the environment's
// names.
func groupOf(set *schema.Set, names trestle.Names, named string) string {
	if physical, err := names.Group(named); err == nil && slices.ContainsFunc(set.Groups, func(g *schema.Group) bool { return g.Name == physical }) {
		return physical
	}
	return named
}

// openGroup connects, and returns what the schemas say and the name of a group on the cluster.
func openGroup(ctx context.Context, p *Project, env Environment, named string) (*kgo.Client, *schema.Set, string, error) {
	set, err := p.loadIfAny(ctx, env)
	if err != nil {
		return nil, nil, "", err
	}
	cl, err := env.kafka(ctx)
	return cl, set, groupOf(set, env.Names(), named), err
}

// DescribedGroup is what a group has read, and who reads for it.
type DescribedGroup struct {
	Group      string           `json:"group"`
	State      string           `json:"state"`
	Lag        int64            `json:"lag"`
	Members    []GroupMember    `json:"members"`
	Partitions []GroupPartition `json:"partitions"`
}

// GroupMember is one that reads for a group.
type GroupMember struct {
	ID       string `json:"id"`
	ClientID string `json:"client_id"`
	Host     string `json:"host"`
}

// GroupPartition is what a group has read of a partition.
type GroupPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"` // -1: nothing
	End       int64  `json:"end"`       // -1: the topic or partition is not there any more
	Lag       int64  `json:"lag"`
	LagMS     int64  `json:"lag_ms"` // how old the first record is that was not read
	Member    string `json:"member"` // empty: none has it
}

// DescribeGroup says what a group has read. Its name may be the schemas' or the cluster's.
func DescribeGroup(ctx context.Context, p *Project, env Environment, name string) (*DescribedGroup, error) {
	cl, _, group, err := openGroup(ctx, p, env, name)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	d, err := groups.Describe(ctx, cl, group)
	if err != nil {
		return nil, adviseGroup(err)
	}
	out := &DescribedGroup{Group: d.Name, State: d.State, Lag: d.Lag(), Members: []GroupMember{}, Partitions: []GroupPartition{}}
	for _, m := range d.Members {
		out.Members = append(out.Members, GroupMember(m))
	}
	for _, g := range d.Partitions {
		out.Partitions = append(out.Partitions, GroupPartition{g.Topic, g.Partition, g.Committed, g.End, g.Lag, g.LagTime.Milliseconds(), g.Member})
	}
	return out, nil
}

func adviseGroup(err error) error {
	if errors.Is(err, groups.ErrNone) {
		return fmt.Errorf("%w: `trestle groups list` names them", err)
	}
	return err
}

// SeekOptions say where a group is to begin.
type SeekOptions struct {
	// To is start, end, a time (RFC 3339), an offset, or +N or -N offsets from where the group is.
	To string
	// Topics are those to move; none: all that the group has read.
	Topics []string
	// DryRun changes nothing.
	DryRun bool
}

// SoughtGroup is what a group was moved by, or would be.
type SoughtGroup struct {
	Group string `json:"group"`
	// Done says that the group begins there now.
	Done       bool              `json:"done"`
	Partitions []SoughtPartition `json:"partitions"`
}

// SoughtPartition is where a group begins in a partition.
type SoughtPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"` // -1: nowhere
	To        int64  `json:"to"`
}

// SeekGroup has a group begin elsewhere, which has to have no members. Where it can't be done, the answer says what would have been.
func SeekGroup(ctx context.Context, p *Project, env Environment, name string, o SeekOptions) (*SoughtGroup, error) {
	to, err := parseTarget(o.To)
	if err != nil {
		return nil, err
	}
	cl, set, group, err := openGroup(ctx, p, env, name)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	topics := make([]string, len(o.Topics))
	for i, t := range o.Topics {
		topics[i] = topicOf(set, env.Names(), t)
	}
	moves, err := groups.Plan(ctx, cl, group, to, topics...)
	if err != nil {
		return nil, adviseGroup(err)
	}
	out := &SoughtGroup{Group: group, Partitions: []SoughtPartition{}}
	for _, m := range moves {
		out.Partitions = append(out.Partitions, SoughtPartition(m))
	}
	if o.DryRun {
		return out, nil
	}
	if err := env.audit.begin(ctx); err != nil {
		return out, err
	}
	if err := groups.Seek(ctx, cl, group, moves); err != nil {
		return out, err
	}
	out.Done = true
	was, is := map[string]int64{}, map[string]int64{}
	for _, m := range moves {
		place := fmt.Sprintf("%s/%d", m.Topic, m.Partition)
		was[place], is[place] = m.From, m.To
	}
	return out, env.audit.add(ctx, change{what: "groups seek", target: "group " + group, before: was, after: is})
}

func parseTarget(text string) (groups.Target, error) {
	wrong := fmt.Errorf("--to %q: want start, end, a time such as 2025-10-16T12:34:56Z, an offset, or +N or -N offsets", text)
	switch text {
	case "":
		return groups.Target{}, errors.New("--to is missing: start, end, a time such as 2025-10-16T12:34:56Z, an offset, or +N or -N offsets")
	case "start":
		return groups.ToStart(), nil
	case "end":
		return groups.ToEnd(), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if text[0] == '+' || text[0] == '-' {
			return groups.ByShift(n), nil
		}
		return groups.ToOffset(n), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return groups.Target{}, wrong
	}
	return groups.ToTime(at), nil
}

// DeleteGroup deletes a group without members, and what it has committed. It returns the group's name on the cluster.
func DeleteGroup(ctx context.Context, p *Project, env Environment, name string) (string, error) {
	cl, _, group, err := openGroup(ctx, p, env, name)
	if err != nil {
		return "", err
	}
	defer cl.Close()
	d, err := groups.Describe(ctx, cl, group)
	if err != nil {
		return group, adviseGroup(err)
	}
	if err := env.audit.begin(ctx); err != nil {
		return group, err
	}
	if err := groups.Delete(ctx, cl, group); err != nil {
		return group, adviseGroup(err)
	}
	was := map[string]int64{}
	for _, one := range d.Partitions {
		was[fmt.Sprintf("%s/%d", one.Topic, one.Partition)] = one.Committed
	}
	return group, env.audit.add(ctx, change{what: "groups delete", target: "group " + group, before: was})
}
