package deadletter

import (
	"github.com/omninode/trestle/runtime/event"
)

// Parse reads the dead letter that stands in a record: of any of the package's shapes, or one of another system's, whose records are the
// original's with headers of its own; see [Systems]. What a letter doesn't say is left empty, a position -1. Where one in a shape does
// not say the original's key, it is the record's. Parse fails when the value is not JSON or no dead letter, and when a system's headers
// can't be read.
func Parse(r *event.Record) (*DeadLetter, error) {
	for i := range dialects {
		if d, err := dialects[i].read(r); d != nil || err != nil {
			return d, err
		}
	}
	d, err := parseShape(r.Value, r.Headers)
	if err != nil {
		return nil, err
	}
	if d.Original.Key == nil && !d.Original.Partial {
		d.Original.Key = r.Key
	}
	return d, nil
}
