package compat

import (
	"fmt"
	"strings"
)

// Profile says which rules judge.
type Profile string

// The profiles. Guide is the default: structure, constraints and contract. Confluent is the verdict of a Confluent
// Schema Registry, file by file: it looks at neither constraints in protobuf nor topics, and forbids some changes that
// break nobody. Where it lets a break pass, a note of the report says so.
const (
	Guide     Profile = "guide"
	Confluent Profile = "confluent"
)

// Mode says in which direction, and how far back, a new schema is judged: the seven modes of a schema registry.
type Mode string

// The modes. The empty Mode is the profile's own: full_transitive for guide, backward for confluent.
const (
	ModeBackward           Mode = "backward"
	ModeBackwardTransitive Mode = "backward_transitive"
	ModeForward            Mode = "forward"
	ModeForwardTransitive  Mode = "forward_transitive"
	ModeFull               Mode = "full"
	ModeFullTransitive     Mode = "full_transitive"
	ModeNone               Mode = "none"
)

// Modes lists the modes, for help texts.
func Modes() []Mode {
	return []Mode{
		ModeBackward, ModeBackwardTransitive, ModeForward, ModeForwardTransitive,
		ModeFull, ModeFullTransitive, ModeNone,
	}
}

// Transitive says whether a new version is judged against the whole history and not its last version only.
func (m Mode) Transitive() bool { return strings.HasSuffix(string(m), "_transitive") }

// directions returns the directions that the mode judges.
func (m Mode) directions() Direction {
	switch strings.TrimSuffix(string(m), "_transitive") {
	case "backward":
		return Backward
	case "forward":
		return Forward
	case "full":
		return Backward | Forward
	}
	return 0
}

// Options says how to judge. The zero value is profile guide, its default mode, without exemptions.
type Options struct {
	Profile Profile
	Mode    Mode
	// ClosedServices are the services that refuse events with fields which their version of the schema lacks. A field that
	// is added to what one of them consumes breaks it until it has the new schema.
	ClosedServices []string
	// NoWitness leaves out the events that show what rules find, and so what it comes to where there is none: that a break is
	// unknown because neither the algebra nor an event shows it. Everything else in the report stays the same.
	NoWitness bool
}

// resolve fills in defaults and refuses what does not exist.
func (o Options) resolve() (Options, error) {
	if o.Profile == "" {
		o.Profile = Guide
	}
	switch o.Profile {
	case Guide, Confluent:
	default:
		return o, fmt.Errorf("profile %q does not exist: use %q or %q", o.Profile, Guide, Confluent)
	}
	if o.Mode == "" {
		if o.Mode = ModeFullTransitive; o.Profile == Confluent {
			o.Mode = ModeBackward
		}
	}
	for _, m := range Modes() {
		if m == o.Mode {
			return o, nil
		}
	}
	return o, fmt.Errorf("mode %q does not exist: use one of %v", o.Mode, Modes())
}
