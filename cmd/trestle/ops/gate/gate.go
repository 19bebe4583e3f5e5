// Package gate judges a schema that is about to be registered against the versions that a registry holds, by the
// compatibility checker's profile guide.
package gate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// Registration refuses next when it breaks any stored version in either direction. That readers with a version cannot read fields which next has encrypted is not
// refused, nor what else they cannot read then: those readers are deployed first. The registry's own level stands. It is what [registry.WithGate] takes.
func Registration(ctx context.Context, next registry.Stored, versions []registry.Stored) error {
	schemas := make([]load.RegisteredSchema, len(versions))
	for i, v := range versions {
		schemas[i] = RegisteredSchema(v)
	}
	messages, err := judge(ctx, compat.ModeFullTransitive, schemas, RegisteredSchema(next), exceptForEncryption)
	if err != nil {
		return err
	}
	if len(messages) > 0 {
		return errors.New(strings.Join(messages, "; "))
	}
	return nil
}

// Checker judges for the development registry, at the registry's levels.
type Checker struct{}

// Check returns the findings that make next incompatible, one sentence each.
func (Checker) Check(ctx context.Context, level string, versions []devregistry.Candidate, next devregistry.Candidate) ([]string, error) {
	schemas := make([]load.RegisteredSchema, len(versions))
	for i, v := range versions {
		schemas[i] = registered(v.Subject, v.Type, v.Schema, v.Texts)
	}
	return judge(ctx, compat.Mode(strings.ToLower(level)), schemas, registered(next.Subject, next.Type, next.Schema, next.Texts), all)
}

func all(findings []*compat.Finding) []*compat.Finding { return findings }

// exceptForEncryption are the findings but for what breaks readers with the old schema alone, against versions of which fields are encrypted otherwise in the new one.
func exceptForEncryption(findings []*compat.Finding) []*compat.Finding {
	clearer := map[int]bool{}
	for _, f := range findings {
		if f.Breaks == compat.Forward && (f.Rule == "FIELD_ENCRYPTION_ADDED" || f.Rule == "FIELD_DETERMINISTIC_CHANGED") {
			for _, i := range f.Against {
				clearer[i] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(findings), func(f *compat.Finding) bool {
		return f.Breaks == compat.Forward && !slices.ContainsFunc(f.Against, func(i int) bool { return !clearer[i] })
	})
}

// RegisteredSchema is a stored schema as a source for the loader.
func RegisteredSchema(s registry.Stored) load.RegisteredSchema {
	return registered(s.Subject, string(s.Type), s.Schema, s.Texts)
}

func registered(subject, schemaType, text string, texts map[string]string) load.RegisteredSchema {
	d := load.RegisteredSchema{Name: subject, Language: schema.JSONSchema, Text: text}
	if schemaType == string(registry.Protobuf) {
		d.Language = schema.Protobuf
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		d.References = append(d.References, load.Reference{Name: name, Text: texts[name]})
	}
	return d
}

// judge compares next with each version, and says what is wrong with it of the findings that count. A stored version that can't be read can't be judged, and so is a reason to
// refuse: a green gate must mean that old events stay readable.
func judge(
	ctx context.Context, mode compat.Mode, versions []load.RegisteredSchema, next load.RegisteredSchema, count func([]*compat.Finding) []*compat.Finding,
) ([]string, error) {
	newSet, err := load.Schemas(ctx, next, load.ToCompare())
	if err != nil {
		return nil, err
	}
	if err := usable(newSet); err != nil {
		return nil, err
	}
	if mode == compat.ModeNone {
		return nil, nil
	}
	var messages []string
	var olds []*schema.Set
	for _, v := range versions {
		old, err := load.Schemas(ctx, v, load.ToCompare())
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			messages = append(messages, fmt.Sprintf("a stored version can't be judged: %v", err))
			continue
		}
		olds = append(olds, old)
	}
	if len(olds) == 0 {
		return messages, nil
	}
	report, err := compat.CompareHistory(olds, newSet, compat.Options{Mode: mode})
	if err != nil {
		return nil, err
	}
	for _, f := range count(report.Findings) {
		if f.Severity == compat.Error {
			messages = append(messages, fmt.Sprintf("%s: %s: %s", f.Pos, f.Rule, f.Message()))
		}
	}
	return messages, nil
}

// usable says what is wrong with a JSON Schema that no validator can be made of: a keyword's value, or a reference that leads nowhere. Loading looks at
// what types are made of alone.
func usable(set *schema.Set) error {
	schemas := event.New(set)
	for _, p := range set.Packages {
		for _, f := range p.Files {
			if f.Language() != schema.JSONSchema || f.Source == nil {
				continue
			}
			if _, err := schemas.Document(f, ""); err != nil {
				return err
			}
		}
	}
	return nil
}
