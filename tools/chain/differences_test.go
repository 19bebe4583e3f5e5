package chain

// difference is a way in which judges differ on purpose.
type difference struct {
	name, reason string
	judges       []string // who differ from generated Go in this way
	holds        func(h *hearing, i int, ours, theirs said) bool
}

func (d difference) between(judge string) bool {
	for _, j := range d.judges {
		if j == judge {
			return true
		}
	}
	return false
}

// differences are all that are intended.
var differences = []difference{}
