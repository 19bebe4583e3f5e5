package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/cmd/trestle/gate"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/report"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

type checkFlags struct {
	against    []string
	profile    string
	mode       string
	format     string
	exemptions string
	json       bool
	listRules  bool
	c          connections
}

func newCheck(p *project) *cobra.Command {
	f := &checkFlags{}
	cmd := &cobra.Command{
		Use:   "check [NEW] --against OLD",
		Short: "Say what an edit breaks, for whom, with an event that proves it",
		Long: `Check compares two sets of schemas. NEW (the project's schemas, if not named) and OLD are each a folder (of schemas, or
of a project), a .proto or .json file, an image, git#REF (also git#REF:path) or registry:SUBJECT (also
registry:SUBJECT@VERSION). Given more than once, --against is a history, oldest first. git#PATTERN is every tag that
matches (git#v1.*), and registry:SUBJECT every version of the subject, in a mode that looks at all of them.

JSON Schemas that no types can be generated from (combinations, conditions, draft-07) are compared too, as sets of
values: each by its path.`,
		Example: `  trestle check --against git#main
  trestle check --against git#v1.0.0 --against git#v1.1.0 --format github`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.json {
				f.format = string(report.JSON)
			}
			if f.listRules {
				return listRules(cmd, f)
			}
			if len(f.against) == 0 {
				return errors.New("compare with what? --against git#main, a folder, an image or registry:SUBJECT")
			}
			return check(cmd, p, f, args)
		},
	}
	cmd.Flags().StringArrayVar(&f.against, "against", nil, "what to compare with; repeated: a history, oldest first")
	cmd.Flags().StringVar(&f.profile, "profile", string(compat.Guide), "which rules judge: guide or confluent")
	cmd.Flags().StringVar(&f.mode, "mode", "", fmt.Sprintf("in which direction and how far back: %s (default: the profile's)", join(compat.Modes())))
	cmd.Flags().StringVar(&f.format, "format", string(report.Text), join(report.Formats()))
	cmd.Flags().BoolVar(&f.json, "json", false, "the same as --format json")
	cmd.Flags().StringVar(&f.exemptions, "exemptions", "", "file of accepted findings (default: the project's)")
	cmd.Flags().BoolVar(&f.listRules, "list-rules", false, "list the rules and what they keep")
	f.c.addRegistry(cmd)
	return cmd
}

func join[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

func check(cmd *cobra.Command, p *project, f *checkFlags, args []string) error {
	ctx := cmd.Context()
	if !slices.Contains(report.Formats(), report.Format(f.format)) {
		return fmt.Errorf("format %q: one of %s", f.format, join(report.Formats()))
	}
	exemptions, err := readExemptions(p, f.exemptions)
	if err != nil {
		return err
	}
	olds, next, err := loadBoth(ctx, p, f, args)
	if err != nil {
		return err
	}
	r, err := compat.CompareHistory(olds, next, compat.Options{Profile: compat.Profile(f.profile), Mode: compat.Mode(f.mode)})
	if err != nil {
		return err
	}
	if exemptions != nil {
		if err := exemptions.Apply(r, time.Now()); err != nil {
			return err
		}
	}
	if err := report.Write(cmd.OutOrStdout(), r, report.Format(f.format)); err != nil {
		return err
	}
	said := cmd.ErrOrStderr()
	fmt.Fprint(said, report.Steps(r))
	fmt.Fprintln(said, report.Summary(r, strings.Join(f.against, ", ")))
	if len(r.Findings)+len(r.Exempted)+len(r.Notes) > 0 {
		fmt.Fprintln(said, report.Deploy(r))
	}
	if !r.Compatible {
		return errNo
	}
	return nil
}

// loadBoth loads both sides, at the same time where that is only a matter of reading files.
func loadBoth(ctx context.Context, p *project, f *checkFlags, args []string) (olds []*schema.Set, next *schema.Set, err error) {
	_ = p.open() // once, before there are two readers; what fails here is told by those who need a project
	g, ctx := errgroup.WithContext(ctx)
	if slices.ContainsFunc(append(slices.Clone(args), f.against...), func(w string) bool { return strings.HasPrefix(w, "registry:") }) {
		g.SetLimit(1)
	}
	g.Go(func() (err error) { next, err = loadNew(ctx, p, f, args); return err })
	g.Go(func() error {
		history, err := p.loadHistory(ctx, f.against, f.transitive(), &f.c, load.WithoutComments())
		for _, v := range history {
			olds = append(olds, v.set)
		}
		return err
	})
	err = g.Wait()
	return olds, next, err
}

func loadNew(ctx context.Context, p *project, f *checkFlags, args []string) (*schema.Set, error) {
	if len(args) == 1 {
		return p.loadLocation(ctx, args[0], &f.c, load.WithoutComments())
	}
	return p.load(ctx, p.versionOptions(load.WithoutComments())...)
}

// versionOptions are for loading versions that are compared.
func (p *project) versionOptions(opts ...load.Option) []load.Option {
	return append(opts, load.WithJudgedBySource(), load.WithShared(&p.shared))
}

// loadSource loads schemas with the project's settings, where there is a project.
func (p *project) loadSource(ctx context.Context, src load.Source, opts ...load.Option) (*schema.Set, error) {
	if p.config.GoImport != "" {
		opts = append(opts, load.WithGoPrefix(p.config.GoImport))
	}
	return load.Schemas(ctx, src, opts...)
}

// loadLocation loads what a word of the command line names. Outside a project every word but the bare git#REF works.
func (p *project) loadLocation(ctx context.Context, word string, c *connections, opts ...load.Option) (*schema.Set, error) {
	locator := load.Locator{Registry: func(subject string) (load.Source, error) { return registrySchema(ctx, p, c, subject) }}
	if err := p.open(); err == nil {
		locator.Dir = p.dir
		if strings.HasPrefix(word, "git#") {
			locator.Root = p.config.Schemas
		}
	}
	word, err := schemasOf(word)
	if err != nil {
		return nil, err
	}
	src, err := locator.Parse(word)
	if err != nil {
		return nil, err
	}
	set, err := p.loadSource(ctx, src, p.versionOptions(opts...)...)
	if err != nil && !strings.HasPrefix(err.Error(), word+":") {
		err = fmt.Errorf("%s: %w", word, err)
	}
	return set, err
}

// schemasOf returns where the schemas of a project are; what is not a project's folder is returned as it is.
func schemasOf(word string) (string, error) {
	if !exists(filepath.Join(word, configName)) {
		return word, nil
	}
	other := project{dir: word}
	if err := other.open(); err != nil {
		return "", err
	}
	return filepath.Join(word, other.config.Schemas), nil
}

// registrySchema fetches SUBJECT or SUBJECT@VERSION.
func registrySchema(ctx context.Context, p *project, c *connections, word string) (load.Source, error) {
	client, err := c.registryClient(p)
	if err != nil {
		return nil, err
	}
	subject, version, versioned := strings.Cut(word, "@")
	if !versioned || version == "latest" {
		stored, err := client.Latest(ctx, subject)
		return gate.RegisteredSchema(stored), err
	}
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("registry:%s: version %q is not a number from 1", word, version)
	}
	stored, err := client.Version(ctx, subject, n)
	return gate.RegisteredSchema(stored), err
}

// readExemptions reads the file of accepted findings. The project's own need not exist; one that is named must.
func readExemptions(p *project, name string) (*compat.Exemptions, error) {
	path := name
	if name == "" {
		if p.open() != nil {
			return nil, nil
		}
		path = p.path(p.config.Exemptions)
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

func listRules(cmd *cobra.Command, f *checkFlags) error {
	all := compat.RulesOf(compat.Profile(f.profile))
	if f.format == string(report.Markdown) {
		var b strings.Builder
		b.WriteString("# Rules of compatibility\n\n")
		for _, r := range all {
			if err := r.WritePage(&b); err != nil {
				return err
			}
		}
		_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
		return err
	}
	asJSON := f.format == string(report.JSON)
	type rule struct {
		ID       string   `json:"id"`
		Purpose  string   `json:"purpose"`
		Breaks   []string `json:"breaks"`
		Severity string   `json:"severity"`
		Policy   bool     `json:"policy"`
	}
	var rules []rule
	for _, r := range all {
		rules = append(rules, rule{r.ID, r.Purpose, r.Breaks.Names(), string(r.Severity), r.Policy})
	}
	if asJSON {
		return printJSON(cmd, map[string]any{"rules": rules})
	}
	for _, r := range rules {
		fmt.Fprintf(cmd.OutOrStdout(), "%-36s %-8s %-18s %s\n", r.ID, r.Severity, strings.Join(r.Breaks, "+"), r.Purpose)
	}
	return nil
}
