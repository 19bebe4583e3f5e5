package ops

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops/grants"
	"github.com/omninode/trestle/runtime/acl"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/scram"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// serviceUser is a user that is to be made for a service.
type serviceUser struct {
	service, name string
	done          bool
}

// usersOf are the SCRAM users that a service may have: its principals, but for those that certificates name.
func (e Environment) usersOf(service string) []string {
	var out []string
	for _, p := range e.principalsOf(service) {
		if user, ok := strings.CutPrefix(p.Name, "User:"); ok && !strings.Contains(user, "=") {
			out = append(out, user)
		}
	}
	return out
}

// PlanUsers is [MakePlan] for the users alone: it says which services have none yet, and so get the first of those that their principals name.
func PlanUsers(ctx context.Context, p *Project, env Environment) (*Plan, error) {
	return p.plan(ctx, env, "users apply", parts{users: true})
}

// planUsers plans the users of all services of a set.
func (plan *Plan) planUsers(ctx context.Context, p *Project, set *schema.Set) error {
	if err := p.checkPrincipals(plan.env, set); err != nil {
		return err
	}
	cl, err := plan.env.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	var all []string
	for _, service := range set.Services() {
		all = append(all, plan.env.usersOf(service)...)
	}
	slices.Sort(all)
	found, err := scram.List(ctx, cl, slices.Compact(all)...)
	if err != nil {
		return err
	}
	plan.project = p
	planned := map[string]bool{}
	for _, service := range set.Services() {
		users := plan.env.usersOf(service)
		there := slices.DeleteFunc(slices.Clone(users), func(u string) bool { _, ok := found[u]; return !ok })
		action := string(acl.None)
		if len(there) == 0 && len(users) > 0 {
			there, action = users[:1], string(acl.Add)
		}
		for _, user := range there {
			if planned[user] {
				continue // of another service, too
			}
			planned[user] = true
			plan.Changes = append(plan.Changes, PlannedChange{Kind: "user", Name: user, Action: action, Changes: []FieldChange{}, Reason: "of " + service})
			if action == string(acl.Add) {
				plan.users = append(plan.users, &serviceUser{service: service, name: user})
			}
		}
	}
	return nil
}

// checkUsers says what the environment lacks to make users.
func (e Environment) checkUsers() error {
	switch {
	case len(e.Principals) == 0:
		return e.errorf("%w", errNoPrincipals)
	case e.Users.HandOver.isZero():
		return e.errorf("%w", errNoHandOver)
	case e.Users.iterations() < scram.LeastIterations || e.Users.iterations() > scram.MostIterations:
		return e.errorf("users: iterations is %d, want %d to %d", e.Users.Iterations, scram.LeastIterations, scram.MostIterations)
	}
	return nil
}

// usersSet are the schemas, under the names of the environment, once it is clear that it says what users there are to be.
func (p *Project) usersSet(ctx context.Context, env Environment) (*schema.Set, error) {
	if err := env.checkUsers(); err != nil {
		return nil, err
	}
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	return set, p.checkPrincipals(env, set)
}

// newPassword is one that nobody has seen: 32 random bytes, in letters, digits, hyphens and underscores.
func newPassword() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// applyUsers makes the users of the plan.
func (p *Plan) applyUsers(ctx context.Context) error {
	if len(p.users) == 0 {
		return nil
	}
	cl, err := p.env.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	for _, u := range p.users {
		if err := p.env.makeUser(ctx, p.project, cl, p.command, u.service, u.name, p.State); err != nil {
			return err
		}
		u.done = true
	}
	return nil
}

// makeUser makes a user with a new password, tries it where the environment's brokers take such users, and hands it over. Where that fails the user is removed
// again: nobody would know its password.
func (e Environment) makeUser(ctx context.Context, p *Project, cl *kgo.Client, command, service, user, plan string) error {
	password, to := newPassword(), e.Users.HandOver.of(p, service)
	err := scram.Set(ctx, cl, user, password, e.Users.iterations())
	if err == nil {
		err = e.tryUser(ctx, user, password)
	}
	if err == nil {
		if err = to.put(ctx, service, user, password); err != nil {
			err = fmt.Errorf("hand over the password of user %s: %w", user, err)
		}
	}
	if err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditPatience)
		defer cancel()
		return errors.Join(err, scram.Remove(undo, cl, user))
	}
	return e.audit.add(ctx, change{what: command, target: "user " + user, plan: plan, after: map[string]any{
		"mechanism": scram.Mechanism, "iterations": e.Users.iterations(), "service": service, "handed_to": to.String(),
	}})
}

// tryUser says whether the environment's brokers let a user in, where they ask for such users at the address that it names.
func (e Environment) tryUser(ctx context.Context, user, password string) error {
	if e.SASL == nil || e.SASL.Mechanism != scram.Mechanism {
		return nil
	}
	conn, err := kafka.Connection{Brokers: e.Brokers}.Secured(e.TLS.secure(), &kafka.SASL{Mechanism: scram.Mechanism, User: user, Password: secure.Value(password)})
	if err != nil {
		return err
	}
	return conn.Check(ctx)
}

// Rotation is what was done to the users of a service.
type Rotation struct {
	Service string          `json:"service"`
	Changes []PlannedChange `json:"changes"`
	// HandedTo is where the new password went; empty: none was made.
	HandedTo string `json:"handed_to,omitempty"`
	// Next says what is left to do.
	Next string `json:"next"`
}

// RotateOptions say how the users of a service are rotated.
type RotateOptions struct {
	// Finish removes the old user; else the other one is made.
	Finish bool
	// Old is the one to be removed; empty: that which the place of passwords does not name.
	Old string
}

// RotateUser gives a service its other user, with a new password and the service's rights, or removes the one before.
func RotateUser(ctx context.Context, p *Project, env Environment, service string, o RotateOptions) (*Rotation, error) {
	set, err := p.usersSet(ctx, env)
	if err != nil {
		return nil, err
	}
	if services := set.Services(); !slices.Contains(services, service) {
		return nil, fmt.Errorf("the schemas have no service %s: they have %s", service, listed(services))
	}
	users := env.usersOf(service)
	if len(users) != 2 {
		return nil, env.errorf("service %s has %d users among its principals: name two, of which one is made while clients go on with the other", service, len(users))
	}
	cl, err := env.kafka(ctx)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	found, err := scram.List(ctx, cl, users...)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, u := range users {
		if _, ok := found[u]; ok {
			there = append(there, u)
		}
	}
	if err := env.audit.begin(ctx); err != nil {
		return nil, err
	}
	switch {
	case o.Finish && len(there) == 2:
		return env.finishRotation(ctx, p, cl, service, users, o.Old)
	case o.Finish:
		return nil, env.errorf("service %s has %d of its users: there is no rotation to finish", service, len(there))
	case len(there) == 0:
		return nil, env.errorf("service %s has no user yet: run `trestle users apply`", service)
	case len(there) == 2:
		return nil, env.errorf("service %s has both of its users: finish the rotation before this one, `trestle users rotate %s --finish`", service, service)
	}
	return env.beginRotation(ctx, p, cl, set, service, users, there[0])
}

func (e Environment) beginRotation(ctx context.Context, p *Project, cl *kgo.Client, set *schema.Set, service string, users []string, old string) (*Rotation, error) {
	user := users[0]
	if user == old {
		user = users[1]
	}
	rights, err := p.rights(e, set, service)
	if err != nil {
		return nil, err
	}
	if e.ACL.Prefixed {
		rights = rights.ByPrefix()
	}
	who := slices.DeleteFunc(e.principalsOf(service), func(p grants.Principal) bool { return p.Name != "User:"+user })
	part := newPlan(e, "users rotate")
	if part.rights, err = acl.NewPlan(ctx, cl, rights.Bindings(who), nil); err != nil && !errors.Is(err, acl.ErrNoAuthorizer) {
		return nil, err
	}
	if err := part.applyRights(ctx, false); err != nil {
		return nil, err
	}
	if err := e.makeUser(ctx, p, cl, "users rotate", service, user, ""); err != nil {
		return nil, err
	}
	return &Rotation{
		Service: service, HandedTo: e.Users.HandOver.of(p, service).String(),
		Changes: []PlannedChange{{Kind: "user", Name: user, Action: string(acl.Add), Changes: []FieldChange{}, Done: true}},
		Next: fmt.Sprintf("once all clients of %s have opened new connections as %s, remove %s: `trestle users rotate %s --finish`; which user a connection is of, brokers tell in their log of accesses alone",
			service, user, old, service),
	}, nil
}

func (e Environment) finishRotation(ctx context.Context, p *Project, cl *kgo.Client, service string, users []string, old string) (*Rotation, error) {
	if old == "" {
		current, err := e.Users.HandOver.of(p, service).current(service)
		if err != nil {
			return nil, fmt.Errorf("find out which user of %s is the old one: %w", service, err)
		}
		for i, u := range users {
			if u == current {
				old = users[1-i]
			}
		}
	}
	if !slices.Contains(users, old) {
		return nil, fmt.Errorf("which user of %s is the old one, the place of passwords does not tell: say --old %s or --old %s", service, users[0], users[1])
	}
	if err := scram.Remove(ctx, cl, old); err != nil {
		return nil, err
	}
	err := e.audit.add(ctx, change{what: "users rotate", target: "user " + old, before: map[string]any{"mechanism": scram.Mechanism, "service": service}})
	return &Rotation{
		Service: service, Changes: []PlannedChange{{Kind: "user", Name: old, Action: string(acl.Remove), Changes: []FieldChange{}, Done: true}},
		Next: fmt.Sprintf("connections that %s has open go on until they end, or until brokers ask again who they are (connections.max.reauth.ms)", old),
	}, err
}
