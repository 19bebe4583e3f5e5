package deadletter

import "github.com/omninode/trestle/runtime/event"

// ParseRecord reads the dead letter that stands in a record, of any of the shapes, as [Parse] does. Where the letter does not say the
// original's key, it is the record's.
func ParseRecord(r *event.Record) (*DeadLetter, error) {
	d, err := Parse(r.Value, r.Headers...)
	if err != nil {
		return nil, err
	}
	if d.Original.Key == nil && !d.Original.Partial {
		d.Original.Key = r.Key
	}
	return d, nil
}
