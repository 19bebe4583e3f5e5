package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/schema"
)

// EventTypes are the event types that a command knows: those of the project's schemas, sorted by type.
type EventTypes []*trestle.EventInfo

// EventTypes loads the project and returns the event types of its schemas.
func (p *Project) EventTypes(ctx context.Context) (EventTypes, error) {
	set, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	return EventTypesOf(set), nil
}

// EventTypesOf returns the event types of a set.
func EventTypesOf(set *schema.Set) EventTypes {
	types := EventTypes(event.New(set, event.WithDigests(digest.New(set).Known)).Events())
	slices.SortStableFunc(types, func(a, b *trestle.EventInfo) int { return strings.Compare(a.Type, b.Type) })
	return types
}

// Named finds an event by its type, or by its full name where several packages have the type, as two versions may. The
// error suggests those that may have been meant.
func (t EventTypes) Named(name string) (*trestle.EventInfo, error) {
	var found []string
	var info *trestle.EventInfo
	for _, e := range t {
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
	if meant := t.closeTo(name); len(meant) > 0 {
		return nil, fmt.Errorf("unknown event type %q: did you mean %s?", name, strings.Join(meant, " or "))
	}
	return nil, fmt.Errorf("unknown event type %q: `trestle validate --list` lists them", name)
}

// decoding are the types for reading records.
func (t EventTypes) decoding() *trestle.Types { return trestle.NewTypes(t...) }

// closeTo returns up to three types that may have been meant by a name, the likeliest first.
func (t EventTypes) closeTo(name string) []string {
	type candidate struct {
		eventType string
		distance  int
	}
	var found []candidate
	lower := strings.ToLower(name)
	for _, e := range t {
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
