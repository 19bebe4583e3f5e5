package grants

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/acl"
)

// Principal is whom a cluster takes the client of a service for.
type Principal struct {
	Name string // such as User:billing
	// Hosts are the addresses that it comes from; none: any.
	Hosts []string
}

// ByPrefix returns the service with rights on topics and groups that hold for all whose names begin so: that are fewer lines, and more rights.
func (s Service) ByPrefix() Service {
	all := slices.Clone(s.Grants)
	for i, g := range all {
		all[i].Prefixed = g.Prefixed || g.Resource == acl.Topic || g.Resource == acl.Group
	}
	s.Grants = nil
	for _, g := range all {
		covers := func(other Grant) bool {
			return other.Prefixed && other.Resource == g.Resource && other.Operation == g.Operation && other.Name != g.Name && strings.HasPrefix(g.Name, other.Name)
		}
		if !slices.ContainsFunc(all, covers) {
			s.Grants = append(s.Grants, g)
		}
	}
	return s
}

// Bindings are the lines by which principals get what a service has to be allowed.
func (s Service) Bindings(principals []Principal) []acl.Binding {
	var out []acl.Binding
	for _, g := range s.Grants {
		for _, p := range principals {
			hosts := p.Hosts
			if len(hosts) == 0 {
				hosts = []string{acl.AnyHost}
			}
			for _, host := range hosts {
				out = append(out, acl.Binding{Resource: g.Resource, Name: g.Name, Prefixed: g.Prefixed, Principal: p.Name, Host: host, Operation: g.Operation})
			}
		}
	}
	return out
}

// Why says what a right is for.
func (s Service) Why(resource acl.Resource, name string, operation acl.Operation) []string {
	for _, g := range s.Grants {
		if g.Resource == resource && g.Name == name && g.Operation == operation {
			return g.Reasons
		}
	}
	return nil
}

// May says which operations a service has to be allowed on a place, with what comes with them.
func (s Service) May(resource acl.Resource, name string) []acl.Operation {
	var out []acl.Operation
	for _, g := range s.Grants {
		if g.Resource == resource && (g.Name == name || g.Prefixed && strings.HasPrefix(name, g.Name)) {
			out = append(append(out, g.Operation), g.Implied...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
