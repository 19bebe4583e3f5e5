package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
)

// allEvents are the event types that this binary was built with, sorted by type.
func allEvents() []*trestle.EventInfo {
	all := slices.Concat(codegenv1.Events(), hooksv1.Events())
	slices.SortFunc(all, func(a, b *trestle.EventInfo) int { return strings.Compare(a.Type, b.Type) })
	return all
}

// eventNamed finds an event type; the error suggests the one that may have been meant.
func eventNamed(name string) (*trestle.EventInfo, error) {
	all := allEvents()
	for _, e := range all {
		if e.Type == name {
			return e, nil
		}
	}
	for _, e := range all {
		if strings.EqualFold(e.Type, name) || strings.EqualFold(e.FullName, name) || strings.HasSuffix(strings.ToLower(e.Type), strings.ToLower(name)) {
			return nil, fmt.Errorf("unknown event type %q: did you mean %s?", name, e.Type)
		}
	}
	return nil, fmt.Errorf("unknown event type %q: `trestle validate --list` lists them", name)
}

// allTypes are the same, for decoding records.
var allTypes = sync.OnceValue(func() *trestle.Types { return trestle.NewTypes(allEvents()...) })
