package ops

import (
	"context"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops/grants"
	"github.com/omninode/trestle/runtime/acl"
)

// The kinds of findings about what a credential may do.
const (
	TooLittle = "too_little"
	TooMuch   = "too_much"
)

// RightsFinding is where what a credential may do is not what a service has to be allowed.
type RightsFinding struct {
	Kind       string          `json:"kind"` // TooLittle or TooMuch
	Resource   acl.Resource    `json:"resource"`
	Name       string          `json:"name"`
	Operations []acl.Operation `json:"operations"`
	// Reasons say what the service can't do; none where it may do too much.
	Reasons []string `json:"reasons"`
}

// RightsVerdict says what a credential may do beside what it should.
type RightsVerdict struct {
	Service  string          `json:"service"`
	User     string          `json:"user,omitempty"` // of the connection; empty: it names none
	OK       bool            `json:"ok"`
	Findings []RightsFinding `json:"findings"`
	// Unknown is what brokers do not say, such as of topics that don't exist.
	Unknown []string `json:"unknown"`
}

// probe is the name of a group and a transactional id that no service has to be allowed.
const probe = "trestle-acl-check"

// CheckRights compares what the environment's own credential may do on its cluster with what a service has to be allowed. It changes nothing. Brokers tell each
// client what it may do on the topics and groups that it may describe; which others there are, they don't tell it. Of transactional ids only the service's own are
// asked for, and one that is nobody's.
func CheckRights(ctx context.Context, p *Project, env Environment, service string) (*RightsVerdict, error) {
	explained, err := ExplainService(ctx, p, env, service)
	if err != nil {
		return nil, err
	}
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	needed, err := p.rights(env, set, service)
	if err != nil {
		return nil, err
	}
	conn, err := env.connect(ctx)
	if err != nil {
		return nil, err
	}
	places := []acl.Place{{Resource: acl.Group, Name: probe}, {Resource: acl.TransactionalID, Name: probe}}
	for _, g := range needed.Grants {
		places = append(places, askedAt(g))
	}
	actual, err := acl.Ask(ctx, conn, places)
	if err != nil {
		return nil, err
	}
	verdict := &RightsVerdict{Service: service, Findings: []RightsFinding{}, Unknown: []string{}}
	if env.SASL != nil {
		verdict.User = env.SASL.User
	}
	verdict.compare(needed, explained.Service, actual)
	verdict.OK = len(verdict.Findings) == 0
	return verdict, nil
}

// askedAt is where a grant is asked for: an id that begins so, where it is for all of these.
func askedAt(g grants.Grant) acl.Place {
	if g.Prefixed {
		return acl.Place{Resource: g.Resource, Name: g.Name + "check"}
	}
	return acl.Place{Resource: g.Resource, Name: g.Name}
}

// compare adds what the service needs and does not get, and what it gets and is not declared.
func (v *RightsVerdict) compare(needed, declared grants.Service, actual *acl.Actual) {
	for _, g := range needed.Grants {
		at := askedAt(g)
		if why := actual.Unknown[at]; why != "" {
			if text := acl.On(at.Resource, at.Name, false) + ": " + why; !slices.Contains(v.Unknown, text) {
				v.Unknown = append(v.Unknown, text)
			}
			continue
		}
		if !slices.Contains(actual.May[at], g.Operation) {
			v.Findings = append(v.Findings, RightsFinding{TooLittle, g.Resource, g.Name, []acl.Operation{g.Operation}, g.Reasons})
		}
	}
	var more []RightsFinding
	for at, may := range actual.May {
		allowed := declared.May(at.Resource, at.Name)
		beyond := slices.DeleteFunc(slices.Clone(may), func(o acl.Operation) bool { return slices.Contains(allowed, o) })
		if len(beyond) > 0 {
			more = append(more, RightsFinding{TooMuch, at.Resource, at.Name, beyond, []string{}})
		}
	}
	slices.SortFunc(more, func(a, b RightsFinding) int {
		return strings.Compare(string(a.Resource)+a.Name, string(b.Resource)+b.Name)
	})
	v.Findings = append(v.Findings, more...)
}
