package replay

import "time"

// PerTransaction has transactions hold so many letters at most.
func (r *Replayer) PerTransaction(n int) { r.perTransaction = n }

// KeepNotes has resolutions of letters that are gone be removed when they are so old.
func (r *Replayer) KeepNotes(d time.Duration) { r.keep = d }
