package values

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
)

// numbers looks for a number.
func (s *solver) numbers(atoms []literal) outcome {
	domain := []Interval{{}}
	var unit *big.Rat
	var avoid []*big.Rat
	excluded := 0
	for _, l := range atoms {
		switch a := l.shape.atom.(type) {
		case scalars:
			if l.want {
				return s.judge(atoms, listOf(a))
			}
			excluded += len(a.values)
		case rangeAtom:
			if l.want {
				domain = intersectAll(domain, a.Interval)
			} else {
				domain = subtractAll(domain, a.Interval)
			}
		case multiple:
			if !l.want {
				avoid = append(avoid, a.unit)
			} else if unit == nil {
				unit = a.unit
			} else {
				unit = commonMultiple(unit, a.unit)
			}
		}
	}
	if len(domain) == 0 {
		return nowhere()
	}
	if unit != nil {
		for _, n := range avoid {
			if Divides(unit, n) {
				return nowhere()
			}
		}
	}
	best, complete := nowhere(), true
	for _, i := range domain {
		candidates, all := candidatesIn(i, unit, excluded)
		complete = complete && all
		for _, r := range candidates {
			if s.spent() {
				return unknown(tooMuch)
			}
			if best = better(best, check(atoms, decimal(r))); best.state == found {
				return best
			}
		}
	}
	if best.state == nothing && !complete {
		return unknown("no number was found that tells the difference, and not all could be tried")
	}
	return best
}

// candidatesIn returns numbers of an interval, simple ones first; all says that there are no others.
func candidatesIn(i Interval, unit *big.Rat, excluded int) (out []*big.Rat, all bool) {
	add := func(r *big.Rat) {
		if i.Contains(r) {
			out = append(out, r)
		}
	}
	if i.Low != nil && i.High != nil && i.Low.Cmp(i.High) == 0 {
		add(i.Low)
		return out, true
	}
	const most = 4000
	if unit != nil {
		low, high := lowIndex(i, unit), highIndex(i, unit)
		if low != nil && high != nil && low.Cmp(high) > 0 {
			return nil, true
		}
		start := new(big.Int)
		if low != nil && low.Sign() > 0 {
			start = low
		}
		if high != nil && high.Sign() < 0 {
			start = high
		}
		all = low != nil && high != nil && new(big.Int).Sub(high, low).Cmp(big.NewInt(most/2)) < 0
		for k := int64(0); k < int64(min(most, 200+4*excluded)) || all && k <= most/2; k++ {
			for _, d := range []int64{k, -k} {
				n := new(big.Int).Add(start, big.NewInt(d))
				if k == 0 && d == 0 && len(out) > 0 {
					continue
				}
				if (low == nil || n.Cmp(low) >= 0) && (high == nil || n.Cmp(high) <= 0) {
					out = append(out, new(big.Rat).Mul(unit, new(big.Rat).SetInt(n)))
				}
			}
		}
		return out, all
	}
	for _, base := range []*big.Rat{new(big.Rat), i.Low, i.High} {
		if base == nil {
			continue
		}
		for k := int64(0); k < int64(min(200, 3+excluded)); k++ {
			add(new(big.Rat).Add(base, big.NewRat(k, 1)))
			add(new(big.Rat).Sub(base, big.NewRat(k, 1)))
		}
	}
	fraction := big.NewRat(1, 2)
	for range 30 {
		for _, base := range []*big.Rat{new(big.Rat), i.Low, i.High} {
			if base != nil {
				add(new(big.Rat).Add(base, fraction))
				add(new(big.Rat).Sub(base, fraction))
			}
		}
		fraction = new(big.Rat).Mul(fraction, big.NewRat(1, 10))
	}
	if i.Low != nil && i.High != nil {
		middle := new(big.Rat).Mul(new(big.Rat).Add(i.Low, i.High), big.NewRat(1, 2))
		add(middle)
		for k := int64(3); k < 40; k++ {
			add(new(big.Rat).Add(i.Low, new(big.Rat).Quo(new(big.Rat).Sub(i.High, i.Low), power(1, uint(k)))))
		}
	}
	return out, false
}

// lowIndex is the smallest k for which k units are in the interval, nil for none; highIndex the largest.
func lowIndex(i Interval, unit *big.Rat) *big.Int {
	if i.Low == nil {
		return nil
	}
	q := new(big.Rat).Quo(i.Low, unit)
	k := new(big.Int).Set(ceil(q).Num())
	if i.OpenLow && q.IsInt() {
		k.Add(k, big.NewInt(1))
	}
	return k
}

func highIndex(i Interval, unit *big.Rat) *big.Int {
	if i.High == nil {
		return nil
	}
	k := lowIndex(Interval{Low: new(big.Rat).Neg(i.High), OpenLow: i.OpenHigh}, unit)
	return k.Neg(k)
}

func commonMultiple(a, b *big.Rat) *big.Rat {
	// lcm(p/q, r/s) = lcm(p, r) / gcd(q, s), both in lowest terms.
	g := new(big.Int).GCD(nil, nil, a.Num(), b.Num())
	l := new(big.Int).Mul(a.Num(), new(big.Int).Quo(b.Num(), g))
	return new(big.Rat).SetFrac(l, new(big.Int).GCD(nil, nil, a.Denom(), b.Denom()))
}

// decimal writes a number as JSON does.
func decimal(r *big.Rat) json.Number {
	if r.IsInt() {
		return json.Number(r.Num().String())
	}
	if n, exact := r.FloatPrec(); exact {
		return json.Number(r.FloatString(n))
	}
	f, _ := r.Float64()
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
}

func listOf(a scalars) []any {
	out := make([]any, len(a.values))
	for i, text := range a.values {
		out[i] = text
		if a.kind == Number {
			r, _ := new(big.Rat).SetString(text)
			out[i] = decimal(r)
		}
	}
	return out
}

// strings looks for a string, the shortest there is.
func (s *solver) strings(atoms []literal) outcome {
	hidden, plain, samples := opaques(String, atoms)
	for _, l := range plain {
		if a, ok := l.shape.atom.(scalars); ok && l.want {
			return s.judge(atoms, listOf(a))
		}
	}
	if len(hidden) > 0 {
		best := s.judge(atoms, append(samples, "a", "", "1"))
		if best.state == found {
			return best
		}
		o := s.shortest(plain)
		if o.state != found {
			return better(best, o)
		}
		if o = check(atoms, o.value); o.state == found {
			return o
		}
		why := whyUnclear(hidden[0].shape.atom)
		if best.state == nothing {
			best = o
		}
		if best.state == nothing {
			return unknown(why)
		}
		best.why = why
		return best
	}
	return s.shortest(plain)
}

// shortest searches the product of automata in breadth.
func (s *solver) shortest(atoms []literal) outcome {
	lengths := []Interval{{Low: new(big.Rat)}}
	type part struct {
		all  []*pattern
		want bool
	}
	var parts []part
	var all []*pattern
	for _, l := range atoms {
		switch a := l.shape.atom.(type) {
		case length:
			if l.want {
				lengths = intersectAll(lengths, a.interval())
			} else {
				lengths = subtractAll(lengths, a.interval())
			}
		case textAtom:
			p := a.Language.automata()
			parts = append(parts, part{p, l.want != a.Language.not})
			all = append(all, p...)
		case scalars: // not to be: the others are tried one by one
			p := (&Language{exact: map[string]bool{}}).with(a.values).automata()
			parts = append(parts, part{p, l.want})
			all = append(all, p...)
		}
	}
	least, most := -1, 0 // the lengths beyond which nothing changes, and that are allowed at all
	bounded := true
	for _, i := range lengths {
		i = i.closed()
		if i.empty() {
			continue
		}
		if low := int(i.Low.Num().Int64()); least < 0 || low < least {
			least = low
		}
		if i.High == nil {
			bounded = false
			most = max(most, int(i.Low.Num().Int64()))
		} else {
			most = max(most, int(i.High.Num().Int64()))
		}
	}
	if least < 0 {
		return nowhere()
	}
	allowed := func(n int) bool {
		r := big.NewRat(int64(n), 1)
		for _, i := range lengths {
			if i.Contains(r) {
				return true
			}
		}
		return false
	}
	distinct := most // lengths beyond do not differ but in that they may be too much
	if from := slices.DeleteFunc(slices.Clone(lengths), func(i Interval) bool { return i.closed().empty() }); len(from) == 1 {
		distinct = least // as the search is in breadth, the first way to a state is the shortest
	}
	alphabet := letters(all)
	type node struct {
		states []int
		length int // capped where lengths beyond do not differ
		from   int
		by     rune
	}
	start := node{states: make([]int, len(all)), from: -1}
	queue := []node{start}
	seen := map[string]bool{}
	for at := 0; at < len(queue); at++ {
		n := queue[at]
		if allowed(n.length) {
			ok := true
			i := 0
			for _, p := range parts {
				matched := false
				for _, a := range p.all {
					matched = matched || a.sets[n.states[i]].accepts
					i++
				}
				ok = ok && matched == p.want
			}
			if ok {
				var out []rune
				for j := at; queue[j].from >= 0; j = queue[j].from {
					out = append(out, queue[j].by)
				}
				for a, b := 0, len(out)-1; a < b; a, b = a+1, b-1 {
					out[a], out[b] = out[b], out[a]
				}
				return member(string(out))
			}
		}
		if bounded && n.length >= most {
			continue
		}
		for _, r := range alphabet {
			if s.spent() {
				return unknown(tooMuch)
			}
			next := node{states: make([]int, len(all)), length: n.length + 1, from: at, by: r}
			if !bounded {
				next.length = min(next.length, most)
			}
			for i, a := range all {
				to, ok := a.step(n.states[i], r)
				if !ok {
					return unknown("a pattern has too many states to decide it")
				}
				next.states[i] = to
			}
			hopeless, at := false, 0
			for _, p := range parts {
				alive, surely := false, false
				for _, a := range p.all {
					alive, surely = alive || !a.dead(next.states[at]), surely || a.sets[next.states[at]].matched
					at++
				}
				hopeless = hopeless || p.want && !alive || !p.want && surely
			}
			if hopeless {
				continue
			}
			key := fmt.Sprint(next.states, min(next.length, distinct))
			if !seen[key] {
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return nowhere()
}

func (l *Language) with(values []string) *Language {
	for _, v := range values {
		l.exact[v] = true
	}
	return l
}

func (a length) interval() Interval {
	i := Interval{Low: big.NewRat(int64(a.low), 1)}
	if a.high >= 0 {
		i.High = big.NewRat(int64(a.high), 1)
	}
	return i
}

// nameIn looks for a name that is in some languages and not in others; used are names that are taken.
func (s *solver) nameIn(in, out []*Language, used map[string]bool) outcome {
	var atoms []literal
	for _, l := range in {
		atoms = append(atoms, literal{s.space.InText(l), true})
	}
	for _, l := range out {
		atoms = append(atoms, literal{s.space.InText(l), false})
	}
	taken := make([]string, 0, len(used))
	for n := range used {
		taken = append(taken, n)
	}
	if len(taken) > 0 {
		atoms = append(atoms, literal{s.space.Strings(taken...), false})
	}
	// A name that is not empty reads better, where there is one.
	if o := s.shortest(append(atoms[:len(atoms):len(atoms)], literal{s.space.Length(String, 1, -1), true})); o.state == found {
		return o
	}
	return s.shortest(atoms)
}
