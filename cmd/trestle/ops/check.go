package ops

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// CheckOptions say what [Check] compares, and by which rules.
type CheckOptions struct {
	// New is a folder (of schemas, or of a project), a .proto or .json file, an image, git#REF or registry:SUBJECT;
	// empty: the project's schemas as they are.
	New string
	// Against are what to compare with, named like New: a history, oldest first. git#PATTERN is every tag that matches,
	// and registry:SUBJECT every version of the subject in a mode that looks at all of them.
	Against []string
	// Profile says which rules judge; empty: [compat.Guide].
	Profile compat.Profile
	// Mode says in which direction and how far back; empty: the profile's own.
	Mode compat.Mode
	// Exemptions is the file of accepted findings; empty: the project's, which need not exist.
	Exemptions string
	// Environment is asked for its registry when a word is registry:SUBJECT.
	Environment Lookup
	// Records has the records of the environment looked at, beside the schemas or, without Against, alone; nil: they are not.
	Records *RecordsOptions
	// Note is told what is to be said beside the verdict, a line each; nil where nobody wants to know.
	Note func(text string)
}

// Check says what a set of schemas breaks for readers and writers of the older ones, and what it refuses and loses of stored records, exemptions applied.
func Check(ctx context.Context, p *Project, o CheckOptions) (*compat.Report, error) {
	exemptions, err := p.readExemptions(o.Exemptions)
	if err != nil {
		return nil, err
	}
	l := &loader{project: p, environment: o.Environment}
	r := &compat.Report{Compatible: true, RecordsOnly: true, Profile: cmp.Or(o.Profile, compat.Guide), DeployFirst: compat.Either}
	if len(o.Against) > 0 || o.Records == nil {
		if r, err = l.compare(ctx, &o); err != nil {
			return nil, err
		}
	}
	if o.Records != nil {
		if err := l.checkRecords(ctx, &o, r); err != nil {
			return nil, err
		}
	}
	if exemptions != nil {
		if err := exemptions.Apply(r, time.Now()); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// compare compares the schemas.
func (l *loader) compare(ctx context.Context, o *CheckOptions) (*compat.Report, error) {
	both, err := l.sides(ctx, o.Against, o.New, o.transitive(), load.WithoutComments())
	if err != nil {
		return nil, err
	}
	if o.Note != nil {
		for _, path := range both.undeclared() {
			o.Note(path + " names no $schema: it is read as " + draftOf(o.Profile))
		}
	}
	olds := make([]*schema.Set, len(both.olds))
	for i, v := range both.olds {
		olds[i] = v.set
	}
	return compat.CompareHistory(olds, both.next.set, compat.Options{
		Profile: o.Profile, Mode: o.Mode, ClosedServices: l.project.Config.closedServices(),
	})
}

// draftOf is the version of JSON Schema that a profile takes for one that is not named.
func draftOf(profile compat.Profile) string {
	if profile == compat.Confluent {
		return "draft-07, as registries do; what profile guide notes beside it reads JSON Schema 2020-12"
	}
	return "JSON Schema 2020-12"
}

// transitive says whether the mode looks at every version; an empty one is the profile's own.
func (o CheckOptions) transitive() bool {
	if o.Mode == "" {
		return o.Profile != compat.Confluent
	}
	return o.Mode.Transitive()
}

// readExemptions reads the file of accepted findings. The project's own need not exist; one that is named must.
func (p *Project) readExemptions(name string) (*compat.Exemptions, error) {
	path := name
	if name == "" {
		if p.missing != nil {
			return nil, nil
		}
		path = p.Path(p.Config.Exemptions)
	}
	text, err := os.ReadFile(path)
	if name == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return compat.ParseExemptions(path, text)
}

// LoadCommitted loads the project's schemas as they are in the last commit.
func (p *Project) LoadCommitted(ctx context.Context) (*schema.Set, error) {
	return p.loadSource(ctx, load.Git{Dir: p.Dir, Ref: "HEAD", Path: p.Config.Schemas, Root: p.Config.Schemas})
}

// CheckRule is a rule of a profile.
type CheckRule struct {
	ID string `json:"id"`
	// Purpose says what the rule keeps.
	Purpose string `json:"purpose"`
	// Breaks names the directions in which a finding breaks: backward, forward.
	Breaks   []string `json:"breaks"`
	Severity string   `json:"severity"`
	// Policy says that the rule guards an agreement which no event can show broken.
	Policy bool `json:"policy"`
}

// CheckRules returns the rules that judge in a profile.
func CheckRules(profile compat.Profile) []CheckRule {
	var out []CheckRule
	for _, r := range append(compat.RulesOf(profile), compat.RecordRules()...) {
		out = append(out, CheckRule{r.ID, r.Purpose, r.Breaks.Names(), string(r.Severity), r.Policy})
	}
	return out
}
