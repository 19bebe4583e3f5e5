package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// builtIn are the event types that this binary was built with.
var builtIn = sync.OnceValue(func() []*trestle.EventInfo {
	return slices.Concat(codegenv1.Events(), hooksv1.Events())
})

// EventTypes are the event types of a project.
type EventTypes struct {
	// Own are those of the project, or outside of one those that are built in; sorted by type.
	Own []*trestle.EventInfo
	// others are built in, and not in the project.
	others []*trestle.EventInfo
}

// EventTypes returns the event types of the project's schemas, and beside them the built-in ones. Outside of a project
// there are only those.
func (p *Project) EventTypes(ctx context.Context) (EventTypes, error) {
	set, err := p.load(ctx)
	if errors.Is(err, ErrNoProject) {
		own := slices.Clone(builtIn())
		sortByType(own)
		return EventTypes{Own: own}, nil
	}
	if err != nil {
		return EventTypes{}, err
	}
	return EventTypesOf(set), nil
}

// EventTypesOf returns the event types of a set, as built in where they are, since those are faster.
func EventTypesOf(set *schema.Set) EventTypes {
	var out EventTypes
	for _, info := range event.Events(set) {
		if i := slices.IndexFunc(builtIn(), func(b *trestle.EventInfo) bool { return b.FullName == info.FullName && b.Type == info.Type }); i >= 0 {
			info = builtIn()[i]
		}
		out.Own = append(out.Own, info)
	}
	sortByType(out.Own)
	for _, info := range builtIn() {
		if find(out.Own, info.Type) == nil {
			out.others = append(out.others, info)
		}
	}
	return out
}

// HaveAllBuiltIn says whether the project has the schemas that this binary was built with.
func (t EventTypes) HaveAllBuiltIn() bool {
	return !slices.ContainsFunc(builtIn(), func(b *trestle.EventInfo) bool { return !slices.Contains(t.Own, b) })
}

func sortByType(events []*trestle.EventInfo) {
	slices.SortStableFunc(events, func(a, b *trestle.EventInfo) int { return strings.Compare(a.Type, b.Type) })
}

func find(events []*trestle.EventInfo, eventType string) *trestle.EventInfo {
	for _, e := range events {
		if e.Type == eventType {
			return e
		}
	}
	return nil
}

// Named finds an event by its type, or by its full name where several packages have the type, as two versions may. The
// error suggests those that may have been meant.
func (t EventTypes) Named(name string) (*trestle.EventInfo, error) {
	for _, events := range [][]*trestle.EventInfo{t.Own, t.others} {
		var found []string
		var info *trestle.EventInfo
		for _, e := range events {
			if e.FullName == name {
				return e, nil
			}
			if e.Type == name {
				info = e
				found = append(found, e.FullName)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return info, nil
		default:
			return nil, fmt.Errorf("event type %q: name one of %s", name, strings.Join(found, " and "))
		}
	}
	if meant := t.closeTo(name); len(meant) > 0 {
		return nil, fmt.Errorf("unknown event type %q: did you mean %s?", name, strings.Join(meant, " or "))
	}
	return nil, fmt.Errorf("unknown event type %q: `trestle validate --list` lists them", name)
}

// decoding are the types for reading records.
func (t EventTypes) decoding() *trestle.Types {
	return trestle.NewTypes(slices.Concat(t.Own, t.others)...)
}

// closeTo returns up to three types that may have been meant by a name, the likeliest first.
func (t EventTypes) closeTo(name string) []string {
	type candidate struct {
		eventType string
		distance  int
	}
	var found []candidate
	lower := strings.ToLower(name)
	for _, e := range slices.Concat(t.Own, t.others) {
		other := strings.ToLower(e.Type)
		distance := editDistance(lower, other)
		if strings.EqualFold(e.FullName, name) || lower != "" && strings.HasSuffix(other, lower) {
			distance = min(distance, 1)
		}
		if distance <= 1+len(lower)/5 {
			found = append(found, candidate{e.Type, distance})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var out []string
	for _, c := range found[:min(3, len(found))] {
		out = append(out, c.eventType)
	}
	return out
}

// editDistance counts the bytes to insert, delete or exchange that make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			exchanged := diagonal
			if a[i] != b[j] {
				exchanged++
			}
			diagonal = row[j+1]
			row[j+1] = min(exchanged, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
