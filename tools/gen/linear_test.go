package gen_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/tools/cputest"
	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestLinear generates from large schemas and from ones four times as large, and compares how long the generators take:
// what grows with the square of its input takes sixteen times as long.
func TestLinear(t *testing.T) { // not parallel: others would be counted
	const small, most = 600, 10
	for name, text := range map[string]func(n int) string{
		"an enum of many values": func(n int) string {
			return large(`"big":{"$ref":"#/$defs/Big"},"many":{"type":"array","items":{"$ref":"#/$defs/Big"}}`,
				`"Big":{"enum":[`+repeated(n, `"value-%d"`)+`]}`)
		},
		"a list of many numbers": func(n int) string {
			return large(`"big":{"type":"integer","enum":[`+repeated(n, "%d")+`]}`, "")
		},
		"many references to a choice": func(n int) string {
			return large(repeated(n/2, `"p%d":{"$ref":"#/$defs/Either"}`), `"Either":{"anyOf":[{"type":"string"},{"type":"integer"}]}`)
		},
		"many choices": func(n int) string {
			return large(repeated(n/4, `"p%d":{"anyOf":[{"type":"string"},{"type":"integer"}]}`), "")
		},
		"many properties of one name in Go": func(n int) string {
			parts := make([]string, n)
			for i := range parts {
				parts[i] = `"a` + strings.Repeat("-", i%50+1) + "b" + strings.Repeat("-", i/50+1) + `":{"type":"string"}`
			}
			return large(strings.Join(parts, ","), "")
		},
	} {
		set := func(n int) *schema.Set {
			made, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"acme/large/v1/large.json": []byte(text(n))}))
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
		less, more := set(small), set(4*small)
		for _, g := range gen.Generators() {
			ratio := 0.0
			for range 4 { // another process may take the machine for a while
				if ratio = float64(taken(t, g, more)) / float64(max(taken(t, g, less), 2*time.Millisecond)); ratio <= most {
					break
				}
			}
			if ratio > most {
				t.Errorf("%s: generator %s takes %.1f times as long for four times as much", name, g.Name, ratio)
			}
		}
	}
}

// taken is how much processor time a generator takes, at the best of three times, or of as many as a fifth of a second has
// room for: the shorter it is, the more another process can lengthen it.
func taken(t *testing.T, g gen.Generator, set *schema.Set) time.Duration {
	t.Helper()
	best, first := time.Hour, time.Now()
	for n := 0; n < 3 || time.Since(first) < 200*time.Millisecond; n++ {
		before := cputest.Used(t)
		if _, err := g.Generate(set); err != nil {
			t.Fatal(err)
		}
		best = min(best, cputest.Used(t)-before)
	}
	return best
}

func large(properties, defs string) string {
	return fmt.Sprintf(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Large","description":"Large.","type":"object",
"x-trestle":{"event":{"type":"large","topic":"large"}},"properties":{%s},"$defs":{%s}}`, properties, defs)
}

func repeated(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, ",")
}
