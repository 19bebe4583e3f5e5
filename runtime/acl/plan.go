package acl

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// Action is what has to be done to a binding.
type Action string

// The actions of a plan.
const (
	Add    Action = "create"
	Remove Action = "delete" // nobody declares it
	None   Action = "none"
)

// Planned is one binding of a plan.
type Planned struct {
	Binding
	Action Action `json:"action"`
	// Done says, after [Plan.Apply], that it was done.
	Done bool `json:"done,omitempty"`

	failure error
}

// Failure is why [Plan.Apply] could not do it; nil where it did, or did not come to it.
func (p Planned) Failure() error { return p.failure }

// Plan says what has to be done to each binding that is declared, and to each that somebody declared has besides.
type Plan struct {
	Bindings []Planned `json:"bindings"`
	// Others are the cluster's further bindings, of principals that the plan is not about. It leaves them as they are.
	Others []Binding `json:"others"`
}

// NewPlan compares the declared bindings with the cluster's; principals are those that it is about, also where nothing is declared for them any more. It changes
// nothing, and needs Describe on the cluster.
func NewPlan(ctx context.Context, cl *kgo.Client, declared []Binding, principals []string) (*Plan, error) {
	found, err := List(ctx, cl)
	if err != nil {
		return nil, err
	}
	return compared(sorted(declared), found, principals), nil
}

// compared is the plan that leads from what is found to what is declared.
func compared(declared, found []Binding, principals []string) *Plan {
	plan := &Plan{Bindings: []Planned{}, Others: []Binding{}}
	for _, b := range declared {
		action := Add
		if slices.Contains(found, b) {
			action = None
		}
		plan.Bindings = append(plan.Bindings, Planned{Binding: b, Action: action})
	}
	for _, b := range found {
		switch {
		case slices.Contains(declared, b):
		case slices.Contains(principals, b.Principal):
			plan.Bindings = append(plan.Bindings, Planned{Binding: b, Action: Remove})
		default:
			plan.Others = append(plan.Others, b)
		}
	}
	return plan
}

// Apply creates the bindings that are missing and then, if it is to remove, deletes those that nobody declares: only these very ones, whatever was made meanwhile.
// It goes on after a failure with those that are left; the error then joins all failures, and each binding says what became of it. It returns once every broker
// shows what was done. Applying twice is harmless. It needs Alter on the cluster.
func (p *Plan) Apply(ctx context.Context, cl *kgo.Client, remove bool) error {
	err := submit(ctx, cl, p.todo(Add), create)
	if remove && err == nil { // what is to stand in their place is not there
		err = submit(ctx, cl, p.todo(Remove), drop)
	}
	return errors.Join(err, p.settle(ctx, cl))
}

func (p *Plan) todo(action Action) []*Planned {
	var out []*Planned
	for i := range p.Bindings {
		if b := &p.Bindings[i]; b.Action == action && !b.Done {
			b.failure = nil
			out = append(out, b)
		}
	}
	return out
}

// atOnce is how many bindings a request has at most.
const atOnce = 500

// submit has brokers do something to bindings.
func submit(ctx context.Context, cl *kgo.Client, bindings []*Planned, do func(context.Context, *kgo.Client, []*Planned) error) error {
	var errs []error
	for some := range slices.Chunk(bindings, atOnce) {
		if err := do(ctx, cl, some); err != nil {
			for _, b := range some { // whether it was heeded is not known
				b.failure = err
			}
			return errors.Join(append(errs, err)...)
		}
		for _, b := range some {
			if b.failure != nil {
				errs = append(errs, b.failure)
			}
			b.Done = b.failure == nil
		}
	}
	return errors.Join(errs...)
}

func create(ctx context.Context, cl *kgo.Client, bindings []*Planned) error {
	req := kmsg.NewPtrCreateACLsRequest()
	for _, b := range bindings {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = resources[b.Resource], b.Name, b.pattern()
		c.Principal, c.Host, c.Operation, c.PermissionType = b.Principal, b.Host, operations[b.Operation], b.permission()
		req.Creations = append(req.Creations, c)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("create ACLs: %w", err)
	}
	for i, r := range resp.Results[:min(len(resp.Results), len(bindings))] {
		bindings[i].failure = wrong("create ACL "+bindings[i].String(), Alter, r.ErrorCode, r.ErrorMessage)
	}
	return nil
}

func drop(ctx context.Context, cl *kgo.Client, bindings []*Planned) error {
	req := kmsg.NewPtrDeleteACLsRequest()
	for _, b := range bindings {
		f := kmsg.NewDeleteACLsRequestFilter()
		f.ResourceType, f.ResourceName, f.ResourcePatternType = resources[b.Resource], &b.Name, b.pattern()
		f.Principal, f.Host, f.Operation, f.PermissionType = &b.Principal, &b.Host, operations[b.Operation], b.permission()
		req.Filters = append(req.Filters, f)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("delete ACLs: %w", err)
	}
	for i, r := range resp.Results[:min(len(resp.Results), len(bindings))] {
		what := "delete ACL " + bindings[i].String()
		bindings[i].failure = wrong(what, Alter, r.ErrorCode, r.ErrorMessage)
		for _, m := range r.MatchingACLs {
			if bindings[i].failure == nil {
				bindings[i].failure = wrong(what, Alter, m.ErrorCode, m.ErrorMessage)
			}
		}
	}
	return nil
}

func (b Binding) pattern() kmsg.ACLResourcePatternType {
	if b.Prefixed {
		return kmsg.ACLResourcePatternTypePrefixed
	}
	return kmsg.ACLResourcePatternTypeLiteral
}

func (b Binding) permission() kmsg.ACLPermissionType {
	if b.Denied {
		return kmsg.ACLPermissionTypeDeny
	}
	return kmsg.ACLPermissionTypeAllow
}

// settle waits until every broker that is up shows what was done.
func (p *Plan) settle(ctx context.Context, cl *kgo.Client) error {
	var there, gone []Binding
	for _, b := range p.Bindings {
		switch {
		case b.Done && b.Action == Add:
			there = append(there, b.Binding)
		case b.Done && b.Action == Remove:
			gone = append(gone, b.Binding)
		}
	}
	if len(there)+len(gone) == 0 {
		return nil
	}
	err := kafka.AwaitBrokers(ctx, cl, func(ctx context.Context, id int32, broker *kgo.Broker) error {
		found, err := List(ctx, broker)
		if err != nil {
			return fmt.Errorf("broker %d does not show them: %w", id, err)
		}
		known := make(map[Binding]bool, len(found))
		for _, b := range found {
			known[b] = true
		}
		for _, b := range there {
			if !known[b] {
				return fmt.Errorf("broker %d does not show %s yet", id, b)
			}
		}
		for _, b := range gone {
			if known[b] {
				return fmt.Errorf("broker %d shows %s still", id, b)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the changes were accepted, but %w; look again with a new plan", err)
	}
	return nil
}
