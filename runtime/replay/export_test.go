package replay

// PerTransaction has transactions hold so many letters at most.
func (r *Replayer) PerTransaction(n int) { r.perTransaction = n }
