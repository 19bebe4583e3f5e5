package ops

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/omninode/trestle/cmd/trestle/ops/grants"
	"github.com/omninode/trestle/tools/schema"
	"go.yaml.in/yaml/v3"
)

// Principals are whom a cluster takes the clients of services for, by the names that the schemas have for these. What stands under EachService is for the services
// that are not named, and {service} in it is their name.
type Principals map[string][]Principal

// EachService stands for all services that are not named.
const EachService = "*"

// Principal is one of them: {principal: User:billing, hosts: [10.0.0.1]}, or User:billing alone, from any host.
type Principal struct {
	Name  string   `yaml:"principal"`
	Hosts []string `yaml:"hosts"`
	line  int      // of trestle.yaml
}

// mistake is one of a file that is read, at its line.
func mistake(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (p *Principal) UnmarshalYAML(node *yaml.Node) error {
	p.line = node.Line
	if node.Kind == yaml.ScalarNode {
		p.Name = node.Value
		return p.check(node)
	}
	if node.Kind != yaml.MappingNode {
		return mistake(node, "a principal is a text such as User:billing, or {principal: User:billing, hosts: [ADDRESS, …]}")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		var err error
		switch key.Value {
		case "principal":
			err = value.Decode(&p.Name)
		case "hosts":
			err = value.Decode(&p.Hosts)
		default:
			return mistake(key, "unknown key %s: a principal has principal and hosts", key.Value)
		}
		if err != nil {
			return mistake(value, "%s has another form: principal is a text, hosts is a list of addresses", key.Value)
		}
	}
	return p.check(node)
}

func (p *Principal) check(node *yaml.Node) error {
	kind, name, ok := strings.Cut(p.Name, ":")
	if !ok || kind == "" || name == "" || name == "*" {
		return mistake(node, "principal %q: want a kind and a name, such as User:billing", p.Name)
	}
	for _, host := range p.Hosts {
		if _, err := netip.ParseAddr(host); err != nil {
			return mistake(node, "host %q of %s: brokers compare the addresses of clients as they are: want one, such as 10.0.0.7", host, p.Name)
		}
	}
	return nil
}

// Uses are what a service uses of the runtime that takes rights of its own.
type Uses []grants.Use

// UnmarshalYAML implements [yaml.Unmarshaler].
func (u *Uses) UnmarshalYAML(node *yaml.Node) error {
	var words []grants.Use
	if err := node.Decode(&words); err != nil {
		return mistake(node, "uses is a list of texts")
	}
	for i, word := range words {
		if !slices.Contains(grants.Uses(), word) {
			return mistake(node.Content[i], "unknown use %s: there are %s", word, listed(grants.Uses()))
		}
	}
	*u = words
	return nil
}

// listed are words in a sentence.
func listed[T ~string](words []T) string {
	var out []string
	for _, w := range words {
		out = append(out, string(w))
	}
	if n := len(out) - 1; n > 0 {
		return strings.Join(out[:n], ", ") + " and " + out[n]
	}
	return strings.Join(out, "")
}

// ACLSettings say how rights are written down.
type ACLSettings struct {
	// Prefixed has rights on topics and groups be on all whose names begin so.
	Prefixed bool `yaml:"prefixed"`
}

// principalsOf are whom the environment's cluster takes a service for; none: nobody is named.
func (e Environment) principalsOf(service string) []grants.Principal {
	named, ok := e.Principals[service]
	if !ok {
		named = e.Principals[EachService]
	}
	var out []grants.Principal
	for _, p := range named {
		out = append(out, grants.Principal{Name: strings.ReplaceAll(p.Name, "{service}", service), Hosts: p.Hosts})
	}
	return out
}

// checkPrincipals says which services are named that the schemas don't have.
func (p *Project) checkPrincipals(env Environment, set *schema.Set) error {
	services := set.Services()
	for _, name := range slices.Sorted(maps.Keys(env.Principals)) {
		if name != EachService && !slices.Contains(services, name) {
			where := ConfigName
			if all := env.Principals[name]; len(all) > 0 {
				where = fmt.Sprintf("%s:%d", p.Shown(ConfigName), all[0].line)
			}
			return fmt.Errorf("%s: %w", where, env.errorf("principals are named of service %s, and the schemas have none of that name: they have %s", name, listed(services)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Config.Services)) {
		if len(p.Config.Services[name].Uses) > 0 && !slices.Contains(services, name) {
			return fmt.Errorf("%s: service %s uses something, and the schemas have none of that name: they have %s", p.Shown(ConfigName), name, listed(services))
		}
	}
	return nil
}
