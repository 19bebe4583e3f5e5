package chain

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/tools/chain/judge"
	"github.com/omninode/trestle/tools/schema"
)

// report is what the judges said of all values.
type report struct {
	schemas, values map[string]int
	verdicts        map[judge.Verdict]int
	refused         map[string]int
	broken          []string
	met             map[string]*[2]int // by keyword or rule: by how many valid and invalid values
	causes          map[string]*cause
	intended        map[string]int
}

// cause is a kind of disagreement, with the first that was met.
type cause struct {
	count   int
	example string
	told    bool // the example, on the way
}

func newReport() *report {
	return &report{
		schemas: map[string]int{}, values: map[string]int{}, verdicts: map[judge.Verdict]int{}, refused: map[string]int{},
		met: map[string]*[2]int{}, causes: map[string]*cause{}, intended: map[string]int{},
	}
}

// taken is how many schemas were judged by.
func (r *report) taken() int {
	n := 0
	for _, count := range r.schemas {
		n += count
	}
	return n
}

func (r *report) addProject(p *project) {
	for reason, n := range p.refused {
		r.refused[reason] += n
	}
	r.broken = append(r.broken, p.broken...)
}

func (r *report) meet(name string, valid bool) {
	if r.met[name] == nil {
		r.met[name] = &[2]int{}
	}
	if valid {
		r.met[name][0]++
	} else {
		r.met[name][1]++
	}
}

// said is what one judge said of one value.
type said struct {
	by string
	judge.Answer
}

// add compares what was said of every value of a schema.
func (r *report) add(h *hearing) {
	r.schemas[string(h.language)]++
	for i := range len(h.texts) + len(h.binary) {
		form := string(h.language)
		if i >= len(h.texts) {
			form += " binary"
		}
		r.values[form]++
		ours := said{generatedGo, h.ours[generatedGo][i]}
		r.verdicts[ours.Verdict]++
		r.compare(h, i, ours, said{bySchema, h.ours[bySchema][i]})
		if i < len(h.texts) {
			r.compare(h, i, ours, said{generatedPython, h.ours[generatedPython][i]})
		}
		if h.schemas != nil {
			theirs := h.schemas[i]
			for _, name := range theirs.Kept {
				if theirs.Verdict == judge.Valid {
					r.meet(name, true)
				}
			}
			for _, name := range theirs.Broken {
				if theirs.Verdict == judge.Invalid {
					r.meet(name, false)
				}
			}
			if theirs.Verdict == judge.Valid && ours.Verdict == judge.Invalid {
				for _, m := range unseenFormat.FindAllStringSubmatch(ours.Why, -1) {
					r.meet("format "+m[1], false)
				}
			}
			r.compare(h, i, ours, said{pythonJSONSchema, theirs.Answer})
		}
		if h.rules != nil && (i >= len(h.texts) || ours.Binary != nil) {
			r.meetRules(h, i)
			for _, by := range []string{protovalidateGo, protovalidatePy} {
				r.compare(h, i, ours, said{by, h.rules[by][i]})
			}
			if other := h.ours[bySchema][i]; ours.Verdict == judge.Valid && !h.same(ours.Binary, other.Binary) {
				r.disagree(h, i, ours, said{bySchema, other}, "another binary form")
			}
		}
	}
}

func (r *report) meetRules(h *hearing, i int) {
	if h.rules[protovalidateGo][i].Verdict == judge.Invalid {
		violated := h.violated[i]
		slices.Sort(violated)
		for _, name := range slices.Compact(violated) {
			r.meet(name, false)
		}
		return
	}
	m := dynamicpb.NewMessage(h.event.Message.Proto)
	if proto.Unmarshal(h.ours[generatedGo][i].Binary, m) == nil {
		seen := map[string]bool{}
		eachRule(m, func(name string) { seen[name] = true })
		for name := range seen {
			r.meet(name, true)
		}
	}
}

// same says whether two binary forms are of one message: descriptors hold a NaN without the bits that make it signal.
func (h *hearing) same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, y := dynamicpb.NewMessage(h.event.Message.Proto), dynamicpb.NewMessage(h.event.Message.Proto)
	return proto.Unmarshal(a, x) == nil && proto.Unmarshal(b, y) == nil && proto.Equal(x, y)
}

func (h *hearing) value(i int) string {
	if i < len(h.texts) {
		return string(h.texts[i])
	}
	return fmt.Sprintf("%x", h.binary[i-len(h.texts)])
}

func (r *report) compare(h *hearing, i int, a, b said) {
	if a.Verdict == b.Verdict {
		return
	}
	for _, d := range differences {
		if slices.Contains(d.judges, b.by) && d.holds(h, i, a, b) {
			r.intended[d.name]++
			return
		}
	}
	x, y := a.Why, b.Why
	if a.Verdict == judge.Valid {
		x = y
	}
	r.disagree(h, i, a, b, x)
}

func (r *report) disagree(h *hearing, i int, a, b said, why string) {
	first, _, _ := strings.Cut(where.ReplaceAllString(why, ""), "; ")
	key := fmt.Sprintf("%s: %s %s, %s %s: %.200s", h.language, a.by, a.Verdict, b.by, b.Verdict, general(first))
	if r.causes[key] == nil {
		text := string(h.text)
		if h.language == schema.Protobuf {
			_, text, _ = strings.Cut(text, "json.proto\";\n")
		}
		r.causes[key] = &cause{example: fmt.Sprintf("%s\n  value %.1000s\n  %s: %s %.1000s\n  %s: %s %.1000s", text, h.value(i), a.by, a.Verdict, a.Why, b.by, b.Verdict, b.Why)}
	}
	r.causes[key].count++
}

// where is where something is wrong, as judges say it.
var where = regexp.MustCompile(`^(decode )?(chain\.\S+: )?([^ :]+: )?`)

// wholeRun is how many schemas are to meet each keyword and rule with leastMet values on either side of it.
const wholeRun, leastMet = 5000, 200

func (r *report) printMet(t *testing.T) {
	t.Helper()
	for _, name := range allNames() {
		var met [2]int
		if counts := r.met[name]; counts != nil {
			met = *counts
		}
		fmt.Printf("met %-40s %7d valid %7d invalid\n", name, met[0], met[1])
		if r.taken() >= wholeRun && min(met[0], met[1]) < leastMet {
			t.Errorf("%s is met by %d valid and %d invalid values: too few, of either %d are wanted", name, met[0], met[1], leastMet)
		}
	}
}

// progress tells of a run that takes long how far it has come, and what it has met since the last time.
func (r *report) progress(t *testing.T) {
	t.Helper()
	t.Logf("%s: %d schemas, %d kinds of disagreement", time.Now().Format(time.TimeOnly), r.taken(), len(r.causes))
	for _, key := range sortedKeys(r.causes) {
		if c := r.causes[key]; !c.told {
			c.told = true
			t.Logf("%s\n%s", key, c.example)
		}
	}
}

func (r *report) print(t *testing.T) {
	t.Helper()
	fmt.Printf("schemas %v, values %v, verdicts %v\n", r.schemas, r.values, r.verdicts)
	for _, reason := range sortedKeys(r.refused) {
		fmt.Printf("refused %d: %s\n", r.refused[reason], reason)
	}
	r.printMet(t)
	for _, d := range differences {
		fmt.Printf("intended %6d: %s: %s\n", r.intended[d.name], d.name, d.reason)
	}
	for _, b := range r.broken {
		t.Errorf("%s", b)
	}
	keys := sortedKeys(r.causes)
	slices.SortStableFunc(keys, func(a, b string) int { return r.causes[b].count - r.causes[a].count })
	for _, key := range keys {
		t.Errorf("%d times: %s\n%s", r.causes[key].count, key, r.causes[key].example)
	}
}
