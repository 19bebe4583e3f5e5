package ops

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	"github.com/omninode/trestle/runtime/acl"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/topics"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Plan is what brings an environment to what the schemas say: subjects with what they refer to first, then topics, then ACLs, then users.
type Plan struct {
	// Environment is the one of trestle.yaml that the plan is for; empty: none of there.
	Environment string          `json:"environment,omitempty"`
	Changes     []PlannedChange `json:"changes"`
	// Undeclared is what the cluster and the registry have besides, which is left as it is.
	Undeclared Undeclared `json:"undeclared"`
	// State stands for all that the plan was made from: the schemas, the environment's settings, and what was found there. Another plan with the same
	// does the same.
	State string `json:"state"`

	env        Environment
	command    string            // that applies it
	registries []plannedRegistry // nil: there is none
	topics     *topics.Plan      // nil: there is no cluster
	rights     *acl.Plan         // nil: nobody's are planned
	users      []*serviceUser    // that are to be made
	project    *Project          // of the users
}

// plannedRegistry is a registry, and what is to be done to its subjects.
type plannedRegistry struct {
	client   *registry.Client
	subjects *registry.Plan
}

// Undeclared names what the schemas do not have.
type Undeclared struct {
	Topics   []string `json:"topics"`
	Subjects []string `json:"subjects"`
	// ACLs are those on declared topics and groups of principals that the environment does not name.
	ACLs []string `json:"acls,omitempty"`
}

// PlannedChange is what is to be done to one subject, topic, ACL or user.
type PlannedChange struct {
	Kind string `json:"kind"` // subject, topic, acl or user
	Name string `json:"name"`
	// Registry is the address of a subject's, where the environment has several.
	Registry string `json:"registry,omitempty"`
	// Digest is that of a subject's declared schema, which its events carry.
	Digest string `json:"digest,omitempty"`
	Action string `json:"action"` // create, update, delete, none or refused
	// Changes are the differences, where there are some to tell.
	Changes []FieldChange `json:"changes"`
	// Needs are the flags without which this is not done, since something is lost with it, separated by a space; empty: none. Nothing else is done
	// either, but where the flag is RemoveUndeclared: then this alone is left.
	Needs string `json:"needs,omitempty"`
	// Reason says why it is refused, what is lost, or what an ACL is for.
	Reason string `json:"reason,omitempty"`
	// Done says, of a plan that was applied, that it was done.
	Done bool `json:"done,omitempty"`
}

// Title is the name, with the registry where there are several.
func (c PlannedChange) Title() string {
	if c.Registry == "" {
		return c.Name
	}
	return c.Name + " at " + c.Registry
}

// FieldChange is one difference between what is there and what is declared.
type FieldChange struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
}

// The flags that a plan may need.
const (
	AllowRepartition  = "--allow-repartition"
	AllowRetentionCut = "--allow-retention-cut"
)

// Empty says that there is nothing to do, and nothing was refused.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Changes, func(c PlannedChange) bool { return c.Action != string(topics.None) })
}

// Refused returns what can't be done.
func (p *Plan) Refused() []PlannedChange {
	var out []PlannedChange
	for _, c := range p.Changes {
		if c.Action == string(topics.Refused) {
			out = append(out, c)
		}
	}
	return out
}

// Subjects is the plan's part in the environment's registries; nil: it has none.
func (p *Plan) Subjects() *registry.Plan {
	if p.registries == nil {
		return nil
	}
	all := &registry.Plan{Subjects: []registry.PlannedSubject{}}
	for _, r := range p.registries {
		all.Subjects = append(all.Subjects, r.subjects.Subjects...)
	}
	return all
}

// Topics is the plan's part on the cluster; nil: it has none.
func (p *Plan) Topics() *topics.Plan { return p.topics }

// MakePlan reads all that there is, and checks all that would be done, with the registry and the brokers, and changes nothing. An environment without a
// registry has no subjects in its plan, one without brokers no topics, one without principals no ACLs, and one that says nothing of users none; one without registry and
// brokers is an error.
func MakePlan(ctx context.Context, p *Project, env Environment) (*Plan, error) {
	if env.Registry == "" && len(env.Brokers) == 0 {
		return nil, errors.Join(env.needBrokers(), env.needRegistry())
	}
	cluster := len(env.Brokers) > 0
	return p.plan(ctx, env, "apply", parts{
		subjects: env.Registry != "", topics: cluster, rights: cluster && len(env.Principals) > 0, users: cluster && !env.Users.isZero(),
	})
}

// PlanSubjects is [MakePlan] for the registry alone.
func PlanSubjects(ctx context.Context, p *Project, env Environment) (*Plan, error) {
	return p.plan(ctx, env, "register", parts{subjects: true})
}

// PlanTopics is [MakePlan] for the cluster's topics alone.
func PlanTopics(ctx context.Context, p *Project, env Environment) (*Plan, error) {
	return p.plan(ctx, env, "topics apply", parts{topics: true})
}

// newPlan is a plan without anything to do, for a command that applies it.
func newPlan(env Environment, command string) *Plan {
	return &Plan{
		Environment: env.name, Changes: []PlannedChange{}, Undeclared: Undeclared{Topics: []string{}, Subjects: []string{}}, env: env, command: command,
	}
}

// parts are what a plan is about.
type parts struct{ subjects, topics, rights, users bool }

func (p *Project) plan(ctx context.Context, env Environment, command string, of parts) (*Plan, error) {
	plan := newPlan(env, command)
	if of.users {
		if err := env.checkUsers(); err != nil {
			return nil, err
		}
	}
	set, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	var declared []string
	if of.subjects {
		if declared, err = plan.planRegistry(ctx, set); err != nil {
			return nil, err
		}
	}
	if of.topics || of.rights || of.users {
		if err := env.rename(set); err != nil {
			return nil, err
		}
	}
	if of.topics {
		if err := plan.planCluster(ctx, set); err != nil {
			return nil, err
		}
	}
	if of.rights {
		if err := plan.planRights(ctx, p, set); err != nil {
			return nil, err
		}
	}
	if of.users {
		if err := plan.planUsers(ctx, p, set); err != nil {
			return nil, err
		}
	}
	plan.State, err = plan.fingerprint(declared)
	return plan, err
}

// planRegistry plans the subjects of a set, whose names are its schemas', and returns their schemas' digests.
func (plan *Plan) planRegistry(ctx context.Context, set *schema.Set) ([]string, error) {
	declared, err := subjectsIn(set, plan.env)
	if err != nil {
		return nil, err
	}
	each, err := plan.env.eachRegistry()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, env := range each {
		names, err := plan.planSubjects(ctx, env, declared, len(each) > 1)
		if err != nil {
			return nil, err
		}
		found = append(found, names...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	ours := make(map[string]bool, len(declared))
	var digests []string
	for _, s := range declared {
		sum := sha256.Sum256([]byte(s.Schema))
		digests = append(digests, s.Name+" "+hex.EncodeToString(sum[:]))
		ours[s.Name] = true
	}
	plan.Undeclared.Subjects = append(plan.Undeclared.Subjects, slices.DeleteFunc(found, func(name string) bool { return ours[name] })...)
	return digests, nil
}

// planSubjects plans the subjects of an environment's one registry, and returns the names of all that it has.
func (plan *Plan) planSubjects(ctx context.Context, env Environment, declared []registry.Subject, named bool) ([]string, error) {
	client, err := env.registryClient(ctx, registry.WithGate(gate.Registration), registry.WithCompatibility(env.Compatibility))
	if err != nil {
		return nil, err
	}
	subjects, err := client.Plan(ctx, declared)
	if err != nil {
		return nil, err
	}
	for i := range subjects.Subjects {
		s := &subjects.Subjects[i]
		if named {
			s.Registry = client.Address()
		}
		plan.Changes = append(plan.Changes, plannedSubject(*s))
	}
	plan.registries = append(plan.registries, plannedRegistry{client, subjects})
	return client.Subjects(ctx)
}

func plannedSubject(s registry.PlannedSubject) PlannedChange {
	out := PlannedChange{Kind: "subject", Name: s.Subject, Registry: s.Registry, Digest: s.Digest, Action: string(s.Action), Changes: []FieldChange{}, Reason: s.Reason, Done: s.Done}
	if c := s.Compatibility; c != (registry.LevelChange{}) {
		out.Changes = append(out.Changes, FieldChange{"compatibility", c.From, c.To})
	}
	return out
}

func (plan *Plan) planCluster(ctx context.Context, set *schema.Set) error {
	cl, err := plan.env.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	specs := topicSpecs(set, plan.env)
	if plan.topics, err = topics.NewPlan(ctx, cl, specs); err != nil {
		return err
	}
	if err := plan.topics.Validate(ctx, cl); err != nil {
		return err
	}
	for _, t := range plan.topics.Topics {
		plan.Changes = append(plan.Changes, plannedTopic(t))
	}
	plan.Undeclared.Topics, err = undeclaredTopics(ctx, cl, specs)
	return err
}

func undeclaredTopics(ctx context.Context, cl *kgo.Client, specs []topics.Spec) ([]string, error) {
	found, err := topics.Names(ctx, cl)
	if err != nil {
		return nil, err
	}
	ours := make(map[string]bool, len(specs))
	for _, s := range specs {
		ours[s.Name] = true
	}
	out := []string{}
	for _, name := range found {
		if !ours[name] {
			out = append(out, name)
		}
	}
	return out, nil
}

func plannedTopic(t topics.Topic) PlannedChange {
	out := PlannedChange{Kind: "topic", Name: t.Name, Action: string(t.Action), Changes: []FieldChange{}, Needs: Needs(t), Done: t.Done}
	if t.Action == topics.Create {
		out.Changes = append(out.Changes, FieldChange{Name: "partitions", To: fmt.Sprint(t.Partitions)})
	}
	var reasons []string
	for _, c := range t.Changes {
		out.Changes = append(out.Changes, FieldChange{c.Name, c.From, c.To})
		if c.Warning != "" {
			reasons = append(reasons, c.Warning)
		}
	}
	out.Reason = strings.Join(reasons, "; ")
	return out
}

// Needs are the flags without which a topic is not brought to its declaration, since something is lost with it, separated by a space; empty: none.
func Needs(t topics.Topic) string {
	var flags []string
	for _, c := range t.Changes {
		if c.Warning == "" || t.Action == topics.Refused {
			continue
		}
		flag := AllowRetentionCut
		if c.Name == topics.PartitionsChange {
			flag = AllowRepartition
		}
		if !slices.Contains(flags, flag) {
			flags = append(flags, flag)
		}
	}
	return strings.Join(flags, " ")
}

// isKeyed says whether events of a topic have keys; so it is with one that the schemas say nothing of.
func isKeyed(set *schema.Set, topic string) bool {
	declared := set.Topic(topic)
	return declared == nil || slices.ContainsFunc(declared.Events, func(e *schema.Event) bool { return len(e.Key) > 0 })
}

// fingerprint stands for what a plan was made from.
func (plan *Plan) fingerprint(declared []string) (string, error) {
	var versions []registry.PlannedSubject
	if subjects := plan.Subjects(); subjects != nil {
		versions = subjects.Subjects
	}
	var specs []topics.Topic
	if plan.topics != nil {
		specs = plan.topics.Topics
	}
	env := plan.env
	text, err := json.Marshal([]any{env.name, env.Brokers, env.Registry, env.Compatibility, env.ReplicationFactor, env.Topics, env.Users, plan.Changes, declared, versions, specs})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// SavePlan writes a plan into a file, for [ReadPlan].
func SavePlan(file string, plan *Plan) error {
	data, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(file, append(data, '\n'))
}

// ReadPlan reads a plan that was saved. It can be compared with one that is made now, and not applied itself.
func ReadPlan(file string) (*Plan, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var plan Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		return nil, fmt.Errorf("%s: no plan that was saved: %w", file, err)
	}
	if plan.State == "" {
		return nil, fmt.Errorf("%s: no plan that was saved", file)
	}
	return &plan, nil
}
