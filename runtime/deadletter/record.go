package deadletter

import (
	"github.com/omninode/trestle/runtime/event"
)

// ParseRecord reads the dead letter that stands in a record: of any of the shapes that [Parse] reads, or one of another system's, whose
// records are the original's with headers of its own; see [Systems]. Where a letter in a shape does not say the original's key, it
// is the record's.
func ParseRecord(r *event.Record) (*DeadLetter, error) {
	for i := range dialects {
		if d, err := dialects[i].read(r); d != nil || err != nil {
			return d, err
		}
	}
	d, err := Parse(r.Value, r.Headers...)
	if err != nil {
		return nil, err
	}
	if d.Original.Key == nil && !d.Original.Partial {
		d.Original.Key = r.Key
	}
	return d, nil
}
