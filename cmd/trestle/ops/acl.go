package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops/grants"
	"github.com/omninode/trestle/runtime/acl"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/tools/schema"
)

// RemoveUndeclared is the flag without which ACLs stay that nobody declares.
const RemoveUndeclared = "--remove-undeclared"

// ServiceRights are what a service may do in an environment, and as whom.
type ServiceRights struct {
	grants.Service
	// Principals are whom the cluster takes the service for; none: the environment names nobody.
	Principals []string `json:"principals"`
}

// rights are those of a service, by a set with the names of the environment.
func (p *Project) rights(env Environment, set *schema.Set, service string) (grants.Service, error) {
	resolutions, err := env.Names().Topic(replay.ResolutionsTopic)
	if err != nil {
		return grants.Service{}, err
	}
	keys, err := env.Names().Topic(keytopic.Topic)
	return grants.Of(set, service, p.Config.Services[service].Uses, grants.Own{Resolutions: resolutions, Keys: keys}), err
}

// ExplainService says what a service has to be allowed in an environment, and why.
func ExplainService(ctx context.Context, p *Project, env Environment, service string) (*ServiceRights, error) {
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := p.checkPrincipals(env, set); err != nil {
		return nil, err
	}
	if services := set.Services(); !slices.Contains(services, service) {
		return nil, fmt.Errorf("the schemas have no service %s: they have %s", service, listed(services))
	}
	out := &ServiceRights{Principals: []string{}}
	if out.Service, err = p.rights(env, set, service); err != nil {
		return nil, err
	}
	if env.ACL.Prefixed {
		out.Service = out.ByPrefix()
	}
	for _, principal := range env.principalsOf(service) {
		out.Principals = append(out.Principals, principal.Name)
	}
	return out, nil
}

// errNoPrincipals says that rights can't be given to anybody.
var errNoPrincipals = errors.New(`no principals are named: say in ` + ConfigName + ` whom the cluster takes services for, such as principals: {"*": ["User:{service}"]} under the environment`)

// PlanACLs is [MakePlan] for the cluster's ACLs alone.
func PlanACLs(ctx context.Context, p *Project, env Environment) (*Plan, error) {
	if len(env.Principals) == 0 {
		return nil, env.errorf("%w", errNoPrincipals)
	}
	return p.plan(ctx, env, "acl apply", parts{rights: true})
}

// planRights plans the ACLs by which all services get what they have to be allowed, by a set with the names of the environment.
func (plan *Plan) planRights(ctx context.Context, p *Project, set *schema.Set) error {
	if err := p.checkPrincipals(plan.env, set); err != nil {
		return err
	}
	var declared []acl.Binding
	var principals []string
	reasons := map[acl.Binding][]string{}
	for _, name := range set.Services() {
		service, err := p.rights(plan.env, set, name)
		if err != nil {
			return err
		}
		if plan.env.ACL.Prefixed {
			service = service.ByPrefix()
		}
		who := plan.env.principalsOf(name)
		for _, principal := range who {
			principals = append(principals, principal.Name)
		}
		for _, b := range service.Bindings(who) {
			declared = append(declared, b)
			reasons[b] = append(reasons[b], name+" "+strings.Join(service.Why(b.Resource, b.Name, b.Operation), ", and "))
		}
	}
	cl, err := plan.env.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	if plan.rights, err = acl.NewPlan(ctx, cl, declared, principals); err != nil {
		return err
	}
	for _, b := range plan.rights.Bindings {
		c := PlannedChange{Kind: "acl", Name: b.String(), Action: string(b.Action), Changes: []FieldChange{}, Reason: strings.Join(reasons[b.Binding], "; ")}
		if b.Action == acl.Remove {
			c.Needs, c.Reason = RemoveUndeclared, "nobody declares it"
		}
		plan.Changes = append(plan.Changes, c)
	}
	for _, b := range plan.rights.Others {
		if concerns(b, set) {
			plan.Undeclared.ACLs = append(plan.Undeclared.ACLs, b.String())
		}
	}
	return nil
}

// concerns says whether a binding is on a topic or a group of a set.
func concerns(b acl.Binding, set *schema.Set) bool {
	on := func(name string) bool {
		return b.Name == name || b.Prefixed && strings.HasPrefix(name, b.Name) || !b.Prefixed && b.Name == "*"
	}
	switch b.Resource {
	case acl.Topic:
		return slices.ContainsFunc(set.Topics, func(t *schema.Topic) bool { return on(t.Name) })
	case acl.Group:
		return slices.ContainsFunc(set.Groups, func(g *schema.Group) bool { return on(g.Name) })
	}
	return false
}

// applyRights brings the cluster's ACLs to the plan; what nobody declares goes only where that is allowed.
func (p *Plan) applyRights(ctx context.Context, remove bool) error {
	if p.rights == nil || !slices.ContainsFunc(p.rights.Bindings, func(b acl.Planned) bool { return b.Action == acl.Add || b.Action == acl.Remove && remove }) {
		return nil
	}
	cl, err := p.env.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	err = p.rights.Apply(ctx, cl, remove)
	var changes []change
	for _, b := range p.rights.Bindings {
		if !b.Done && b.Failure() == nil {
			continue
		}
		c := change{what: p.command, target: "acl " + b.String(), plan: p.State}
		if b.Action == acl.Add {
			c.after = b.Binding
		} else {
			c.before = b.Binding
		}
		if failure := b.Failure(); failure != nil {
			c.after = map[string]any{"error": failure.Error()}
		}
		changes = append(changes, c)
	}
	return errors.Join(err, p.env.audit.add(ctx, changes...))
}
