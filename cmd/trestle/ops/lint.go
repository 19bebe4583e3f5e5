package ops

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/tools/lint"
)

// LintReport is what lint found in a project's schemas.
type LintReport struct {
	// Clean says that no finding is an error.
	Clean    bool            `json:"clean"`
	Findings []*lint.Finding `json:"findings"`

	// Root is the folder that the findings' paths count from.
	Root string `json:"-"`
	// Errors and Warnings count the findings.
	Errors   int `json:"-"`
	Warnings int `json:"-"`
}

// Lint checks the project's schemas for what goes wrong on Kafka. What trestle.yaml ignores is left out.
func Lint(ctx context.Context, p *Project) (LintReport, error) {
	set, err := p.load(ctx)
	if err != nil {
		return LintReport{}, err
	}
	opts := lint.Options{Ignore: p.Config.Lint.Ignore}
	if err := opts.Check(); err != nil {
		return LintReport{}, fmt.Errorf("%s: lint: %w", p.Path(ConfigName), err)
	}
	r := LintReport{Findings: lint.Run(set, opts), Root: set.Root}
	r.Errors, r.Warnings = lint.Count(r.Findings)
	r.Clean = r.Errors == 0
	return r, nil
}
