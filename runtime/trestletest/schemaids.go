package trestletest

import (
	"context"
	"sync"

	trestle "github.com/omninode/trestle/runtime"
)

// SchemaIDs stands in for a registry: it numbers the types of events that are encoded in protobuf, which have to carry the id of
// their schema, from 1 in the order in which they are published first. Those in JSON carry none.
func SchemaIDs() trestle.SchemaIDs { return &schemaIDs{ids: map[string]int{}} }

type schemaIDs struct {
	mu  sync.Mutex
	ids map[string]int
}

// SchemaID implements [trestle.SchemaIDs].
func (s *schemaIDs) SchemaID(_ context.Context, info *trestle.EventInfo) (int, error) {
	if info.MessageIndexes == nil {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[info.FullName] == 0 {
		s.ids[info.FullName] = len(s.ids) + 1
	}
	return s.ids[info.FullName], nil
}
