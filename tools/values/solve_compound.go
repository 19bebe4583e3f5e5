package values

import (
	"math/big"
	"slices"
)

// mostItems bounds the items and members that are made one by one.
const mostItems = 300

// sizes returns the sizes that atoms allow, as intervals.
func sizes(atoms []literal) []Interval {
	set := []Interval{{Low: new(big.Rat)}}
	for _, l := range atoms {
		if a, ok := l.shape.atom.(length); ok {
			if l.want {
				set = intersectAll(set, a.interval())
			} else {
				set = subtractAll(set, a.interval())
			}
		}
	}
	var out []Interval
	for _, i := range set {
		if i = i.closed(); !i.empty() {
			out = append(out, i)
		}
	}
	return out
}

func allows(set []Interval, n int) bool {
	r := big.NewRat(int64(n), 1)
	return slices.ContainsFunc(set, func(i Interval) bool { return i.Contains(r) })
}

// hiddenLast runs a search without the opaque atoms, and holds what it finds against them.
func (s *solver) hiddenLast(kind Kinds, atoms []literal, search func([]literal) outcome) outcome {
	hidden, plain, samples := opaques(kind, atoms)
	if len(hidden) == 0 {
		return search(plain)
	}
	best := s.judge(atoms, samples)
	if best.state == found {
		return best
	}
	o := search(plain)
	if o.state == nothing {
		return o
	}
	if o.state == found {
		if o = check(atoms, o.value); o.state == found {
			return o
		}
		if o.state == nothing {
			o = unknown(whyUnclear(hidden[0].shape.atom))
		}
	}
	return better(best, o)
}

// need is something that n items or members have to be there for.
type need struct {
	n, from int
	shape   literal
	names   *Language
	weight  int // how much there is to look at for it
}
