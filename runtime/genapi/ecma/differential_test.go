package ecma_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/runtime/genapi/ecma/ecmatest"
)

var update = flag.Bool("update", false, "have Node judge a new sample")

// judged is an expression and texts, and what another implementation says of them.
type judged struct {
	Expr  string   `json:"expr"`
	Texts []string `json:"texts"`
	// Valid is null for what is no expression; with Loose it is one without the flag u only.
	Valid []bool `json:"valid"`
	Loose bool   `json:"loose,omitempty"`
}

const judge = `
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
for (const c of cases) {
  let re = null;
  try { re = new RegExp(c.expr, 'u') } catch { try { re = new RegExp(c.expr); c.loose = true } catch {} }
  c.valid = re && c.texts.map((t) => re.test(t));
}
console.log(JSON.stringify(cases));`

func askNode(t *testing.T, node string, cases []judged) []judged {
	t.Helper()
	text, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "-e", judge)
	cmd.Stdin = bytes.NewReader(text)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	if err := json.Unmarshal(out, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestAsNode gives random expressions and texts to both engines here and to Node: those of a sample that Node has judged,
// and, where Node is on the path, new ones.
func TestAsNode(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "node.json")
	node, err := exec.LookPath("node")
	if *update {
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.MarshalIndent(askNode(t, node, sample(rand.New(rand.NewPCG(1, 2)), 400)), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err2 := os.ReadFile(path)
	if err2 != nil {
		t.Fatal(err2)
	}
	var cases []judged
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if err == nil {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		cases = append(cases, askNode(t, node, sample(rand.New(rand.NewPCG(seed, 0)), 3000))...)
	}
	compare(t, cases)
}

func compare(t *testing.T, cases []judged) {
	t.Helper()
	invalid, translated, matched, missed := 0, 0, 0, 0
	for _, c := range cases {
		tree, err := ecma.Parse(c.Expr)
		switch {
		case c.Valid == nil:
			if invalid++; err == nil {
				t.Errorf("%q is taken, by Node not", c.Expr)
			}
			continue
		case c.Loose:
			continue // what of this is taken, means the same to both where it means the same with the flag
		case err != nil:
			t.Errorf("%q is refused: %v", c.Expr, err)
			continue
		}
		re, err := tree.Compile()
		if err != nil {
			t.Errorf("%q: %v", c.Expr, err)
			continue
		}
		if _, ok := tree.RE2(); ok {
			translated++
		}
		for i, text := range c.Texts {
			if strings.ContainsRune(text, '😀') && (strings.Contains(c.Expr, `\B`) || strings.Contains(c.Expr, "(?<")) {
				continue // Node looks for matches in the middle of the character, too, which the standard does not
			}
			machine, _ := ecma.MachineMatch(tree, text)
			if got := re.MatchString(text); got != c.Valid[i] || machine != c.Valid[i] {
				t.Errorf("%q on %q: compiled %t, machine %t, Node %t", c.Expr, text, got, machine, c.Valid[i])
			}
			if c.Valid[i] {
				matched++
			} else {
				missed++
			}
		}
	}
	t.Logf("%d expressions, %d invalid, %d in RE2; %d texts match, %d do not", len(cases), invalid, translated, matched, missed)
	if invalid < len(cases)/50 || translated < len(cases)/10 || matched < len(cases) || missed < len(cases) {
		t.Error("too few of one kind")
	}
}

// TestProperties holds the classes of properties to Node's, on characters that package unicode knows.
func TestProperties(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Log("node is not on the path: only the names are tried")
	}
	names := []string{
		"Assigned", "ASCII", "Letter", "gc=Lu", "C", "LC", "sc=Grek", "scx=Grek", "scx=Deva", "scx=Common", "Alphabetic", "Uppercase", "Cased",
		"Case_Ignorable", "ID_Continue", "XID_Start", "Default_Ignorable_Code_Point", "Grapheme_Base", "CWKCF", "Emoji", "ExtPict", "STerm",
	}
	theirs := map[string][]rune{}
	if node != "" {
		const script = `const out = {}; for (const name of process.argv.slice(1)) {
const re = new RegExp('^\\p{' + name + '}$', 'u'); const list = out[name] = [];
for (let c = 0, in_ = false; c <= 0x110000; c++) {
  const is = c < 0x110000 && re.test(String.fromCodePoint(c));
  if (is !== in_) list.push(is ? c : c - 1);
  in_ = is;
} } console.log(JSON.stringify(out))`
		out, err := exec.CommandContext(t.Context(), node, append([]string{"-e", script}, names...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &theirs); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		class := ecma.Class(name)
		if class == nil {
			t.Errorf("%s is no property", name)
			continue
		}
		if node == "" {
			continue
		}
		in := map[rune]bool{}
		for i := 0; i < len(theirs[name]); i += 2 {
			for r := theirs[name][i]; r <= theirs[name][i+1]; r++ {
				in[r] = true
			}
		}
		differ, ours := 0, 0
		for i := 0; i < len(class); i += 2 {
			for r := class[i]; r <= class[i+1]; r++ {
				ours++
				if !in[r] {
					differ++
				}
				delete(in, r)
			}
		}
		for r := range in {
			if unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) {
				differ++
			}
		}
		// Two versions of Unicode differ by some characters that were assigned, and a few that changed.
		if name != "C" && differ > 40 || differ > 20_000 {
			t.Errorf("%s: %d of %d characters differ", name, differ, ours)
		}
	}
}

func sample(rng *rand.Rand, n int) []judged {
	out := make([]judged, n)
	for i := range out {
		m := ecmatest.NewMaker(rng)
		out[i].Expr = m.Expression()
		if rng.IntN(8) == 0 {
			out[i].Expr = m.Broken(out[i].Expr)
		}
		for range 12 {
			out[i].Texts = append(out[i].Texts, m.Text())
		}
	}
	return out
}
