package ops

import (
	"context"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/changelog"
	"github.com/omninode/trestle/tools/schema"
)

// ChangelogOptions say what [Changelog] compares.
type ChangelogOptions struct {
	// Old and New are named as [CheckOptions.New] is; an empty New is the project's schemas as they are.
	Old, New string
	// Exemptions is the file of accepted findings; empty: the project's, which need not exist.
	Exemptions string
	// Environment is asked for its registry when a word is registry:SUBJECT.
	Environment Lookup
}

// Changelog tells what changed between two versions of the schemas. An accepted finding does not count as breaking.
func Changelog(ctx context.Context, p *Project, o ChangelogOptions) (*changelog.Changelog, error) {
	accepted, err := p.readExemptions(o.Exemptions)
	if err != nil {
		return nil, err
	}
	l := &loader{project: p, environment: o.Environment}
	both, err := l.sides(ctx, []string{o.Old}, o.New, false)
	if err != nil {
		return nil, err
	}
	return p.changes(both.olds[len(both.olds)-1].set, both.next.set, accepted)
}

// changes compares two sets for people to read. Nobody looks at witnesses there.
func (p *Project) changes(old, new *schema.Set, accepted *compat.Exemptions) (*changelog.Changelog, error) {
	report, err := compat.Compare(old, new, compat.Options{NoWitness: true, ClosedServices: p.Config.closedServices()})
	if err != nil {
		return nil, err
	}
	accepted.Take(report, time.Now())
	return changelog.New(old, new, report), nil
}
