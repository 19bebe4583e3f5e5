package compat_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/compat/witness"
	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/event/eventtest"
	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/gen/example"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values/valuestest"
)

var randomTypes = flag.Int("random-types", 24, "how many random schemas to generate code for, and hold readers against each other on")

// taken is what a reader keeps of a payload, as JSON.
type taken string

// rejects is where it keeps nothing.
const rejects taken = "rejects"

// generatedType is the part of generated types that readers use.
type generatedType interface {
	DecodeJSON(r *jsonio.Reader)
	SetDefaults(now time.Time)
	Validate() error
	AppendJSON(b []byte) ([]byte, error)
}

// take has a generated type read a payload, as consumers do.
func take(v generatedType, payload []byte) taken {
	r := jsonio.NewReader(payload)
	v.DecodeJSON(r)
	r.End()
	v.SetDefaults(present)
	if r.Err() != nil || len(r.Faults()) > 0 || v.Validate() != nil {
		return rejects
	}
	text, err := v.AppendJSON(nil)
	if err != nil {
		return rejects
	}
	return taken(text)
}

var present = time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)

// readersOf are those of a message that work by its schema: that of package event, and a side of the checker.
type readersOf struct {
	typ  *event.Type
	side *witness.Reader
	// clock says that rules are about the present, which is another for the checker.
	clock bool
}

func newReaders(t *testing.T, set *schema.Set, m *schema.Message) readersOf {
	t.Helper()
	typ, err := event.New(set).Type(m)
	if err != nil {
		t.Fatal(err)
	}
	side, err := witness.NewFinder(set, set, nil).Reader(set, m)
	if err != nil {
		t.Fatal(err)
	}
	return readersOf{typ: typ, side: side}
}

// hold holds the readers by schema against the verdict of generated code.
func (r readersOf) hold(t *testing.T, want taken, payload []byte) {
	t.Helper()
	got := rejects
	if v, err := r.typ.ReadJSON(payload, present); err == nil {
		if text, err := v.AppendJSON(nil); err == nil {
			got = taken(text)
		}
	}
	if got != want {
		t.Fatalf("%s: generated code: %s, package event: %s, of %s", r.typ.Message().FullName, want, got, payload)
	}
	if r.clock || hasRepeated(payload) {
		return // the checker's events are values, in which no member is twice
	}
	if _, err := r.side.Read(payload); (err == nil) != (want != rejects) {
		t.Fatalf("%s: generated code: %s, the checker: %v, of %s", r.typ.Message().FullName, want, err, payload)
	}
}

// hasRepeated says whether an object has a member twice.
func hasRepeated(payload []byte) bool {
	found := false
	var walk func(r *jsonio.Reader)
	walk = func(r *jsonio.Reader) {
		switch r.Kind() {
		case '{':
			names := map[string]bool{}
			for r.BeginObject(); r.More(); {
				name := r.Key()
				found = found || names[name]
				names[name] = true
				walk(r)
			}
		case '[':
			for r.BeginArray(); r.More(); {
				walk(r)
			}
		default:
			r.Skip()
		}
	}
	walk(jsonio.NewReader(payload))
	return found
}

// TestReadersAgree gives mutated payloads of every event of this repository to the code that is generated for it, to the
// reader by schema, and to the checker's: all say the same of each.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join("..", "schemas")))
	if err != nil {
		t.Fatal(err)
	}
	examples := example.New(set)
	generated := map[string]*trestle.EventInfo{}
	for _, info := range slices.Concat(codegenv1.Events(), hooksv1.Events()) {
		generated[info.FullName] = info
	}
	count, valid := 0, 0
	for _, e := range set.Events() {
		info := generated[e.Message.FullName]
		record := examples.Record(e)
		if info == nil || record == nil {
			t.Fatalf("%s: generated %t, example %t", e.Type, info != nil, record != nil)
		}
		var enveloped struct{ Payload json.RawMessage }
		if err := json.Unmarshal(record, &enveloped); err != nil {
			t.Fatal(err)
		}
		if e.Envelope == schema.EnvelopeNone {
			enveloped.Payload = record
		}
		readers := newReaders(t, set, e.Message)
		payloads, err := eventtest.Mutations(enveloped.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, payload := range payloads {
			want := take(info.New(), payload)
			readers.hold(t, want, payload)
			if count++; want != rejects {
				valid++
			}
		}
	}
	t.Logf("%d payloads of %d events, %d of them valid: 0 differences", count, len(set.Events()), valid)
	if count < 10_000 || valid < count/20 || valid > count/20*19 {
		t.Errorf("%d payloads, %d of them valid, say too little", count, valid)
	}
}

// randomType is a random schema for which code is generated.
type randomType struct {
	path, text string
	set        *schema.Set
	message    *schema.Message
	payloads   [][]byte
}

// TestReadersAgreeOnRandomTypes is TestReadersAgree for random schemas of both languages.
func TestReadersAgreeOnRandomTypes(t *testing.T) {
	t.Parallel()
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano()) % 1_000_000
	}
	t.Logf("seed %d", from)
	var types []*randomType
	for s := from; len(types) < *randomTypes; s++ {
		if r := newRandomType(t, s); r != nil {
			types = append(types, r)
		}
	}
	types, verdicts := runGenerated(t, types)
	count, valid := 0, 0
	for i, r := range types {
		readers := newReaders(t, r.set, r.message)
		readers.clock = strings.Contains(r.text, "_now") || strings.Contains(r.text, "within")
		for j, payload := range r.payloads {
			readers.hold(t, verdicts[i][j], payload)
			if count++; verdicts[i][j] != rejects {
				valid++
			}
			if t.Failed() {
				t.Fatalf("schema %s:\n%s", r.path, r.text)
			}
		}
	}
	t.Logf("%d payloads of %d random schemas, %d of them valid: 0 differences", count, len(types), valid)
}

// module is the one that the code of random schemas is in.
const module = "example.org/random"

// newRandomType returns the schema of a seed with payloads; nil where no code can be generated for it.
func newRandomType(t *testing.T, s uint64) *randomType {
	t.Helper()
	r := &randomType{}
	rng := rand.New(rand.NewPCG(s, 4))
	events := &valuestest.Maker{Rand: rng}
	if s%2 == 0 {
		r.path = fmt.Sprintf("p%d/v1/a.json", s)
		r.text = valuestest.EventSchemaText(events.EventSchema())
	} else {
		r.path = fmt.Sprintf("p%d/v1/a.proto", s)
		g := &protoMaker{rng}
		r.text = strings.Replace(g.schema().text(), "package p.v1;", fmt.Sprintf("package p%d.v1;", s), 1)
	}
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{r.path: []byte(r.text)}), load.WithGoPrefix(module+"/gen"))
	if err != nil {
		return nil
	}
	if _, err := gen.All(t.Context(), set, gen.Options{Only: []string{"go"}}); err != nil {
		return nil
	}
	r.set, r.message = set, set.Packages[0].Messages[0]
	if root := set.Packages[0].Files[0].Root; root != nil {
		r.message = root.Message
	}
	if r.message == nil {
		return nil
	}
	for range 4 {
		text, err := json.Marshal(events.Event(r.message, 3))
		if err != nil {
			t.Fatal(err)
		}
		all, err := eventtest.Mutations(text)
		if err != nil {
			t.Fatal(err)
		}
		rng.Shuffle(len(all)-1, func(i, j int) { all[i+1], all[j+1] = all[j+1], all[i+1] })
		r.payloads = append(r.payloads, all[:min(len(all), 150)]...)
	}
	return r
}

// runGenerated generates code for random schemas, builds it and has it read their payloads. It returns the schemas whose
// code builds, too: that all does is for tests of the generator.
func runGenerated(t *testing.T, types []*randomType) ([]*randomType, [][]taken) {
	t.Helper()
	dir := t.TempDir()
	for tries := 0; ; tries++ {
		failed := build(t, dir, types)
		if failed == "" {
			break
		}
		built := slices.DeleteFunc(slices.Clone(types), func(r *randomType) bool { return strings.Contains(failed, filepath.Dir(r.path)+"\n") })
		if tries == 3 || len(built) == len(types) || len(built) < len(types)/2 {
			t.Fatal(failed)
		}
		t.Logf("%d schemas whose generated code does not build: %s", len(types)-len(built), failed)
		types = built
	}
	var input bytes.Buffer
	for i, r := range types {
		for _, payload := range r.payloads {
			line, err := json.Marshal(map[string]any{"type": i, "payload": payload})
			if err != nil {
				t.Fatal(err)
			}
			input.Write(append(line, '\n'))
		}
	}
	text, failed := ask(t, dir, &input, filepath.Join(dir, "run"))
	if failed != "" {
		t.Fatal(failed)
	}
	out := bufio.NewScanner(bytes.NewReader(text))
	out.Buffer(nil, 1<<24)
	verdicts := make([][]taken, len(types))
	for i, r := range types {
		for range r.payloads {
			if !out.Scan() {
				t.Fatalf("the program ended early: %v", out.Err())
			}
			verdicts[i] = append(verdicts[i], taken(out.Text()))
		}
	}
	return types, verdicts
}

// build writes and builds a module of random schemas' code, and returns what the compiler has against it.
func build(t *testing.T, dir string, types []*randomType) (failed string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, r := range types {
		files[r.path] = []byte(r.text)
	}
	set, err := load.Schemas(t.Context(), load.Files(files), load.WithGoPrefix(module+"/gen"))
	if err != nil {
		t.Fatal(err)
	}
	generated, err := gen.All(t.Context(), set, gen.Options{Only: []string{"go"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gen.Write(filepath.Join(dir, "gen"), generated); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(mod), "module github.com/omninode/trestle\n", "module "+module+"\n", 1) +
		"\nrequire github.com/omninode/trestle v0.0.0\n\nreplace github.com/omninode/trestle => " + root + "\n"
	put(t, dir, "go.mod", []byte(text))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "go.sum", sums)
	put(t, dir, "main.go", []byte(program(set, types)))
	_, failed = ask(t, dir, nil, "go", "build", "-o", "run", ".")
	return failed
}

// program reads payloads, a line each, and writes the verdicts of generated types, a line each.
func program(set *schema.Set, types []*randomType) string {
	imports, news := map[string]bool{}, ""
	for _, r := range types {
		for _, p := range set.Packages {
			if p.Name == r.message.Package.Name {
				imports[p.GoName+" "+fmt.Sprintf("%q", p.GoImport)] = true
				news += fmt.Sprintf("\tfunc() value { return new(%s.%s) },\n", p.GoName, r.message.Name)
			}
		}
	}
	return `package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
	` + strings.Join(slices.Sorted(maps.Keys(imports)), "\n\t") + `
)

type value interface {
	DecodeJSON(r *jsonio.Reader)
	SetDefaults(now time.Time)
	Validate() error
	AppendJSON(b []byte) ([]byte, error)
}

var news = []func() value{
` + news + `}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.More() {
		var line struct {
			Type    int
			Payload []byte
		}
		if err := in.Decode(&line); err != nil {
			panic(err)
		}
		fmt.Fprintln(out, verdict(news[line.Type](), line.Payload))
	}
}

func verdict(v value, payload []byte) string {
	r := jsonio.NewReader(payload)
	v.DecodeJSON(r)
	r.End()
	v.SetDefaults(time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC))
	if r.Err() != nil || len(r.Faults()) > 0 || v.Validate() != nil {
		return "rejects"
	}
	text, err := v.AppendJSON(nil)
	if err != nil {
		return "rejects"
	}
	return string(text)
}
`
}

func put(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask runs a program and returns what it writes, or what it says when it fails. Modules come from the cache alone.
func ask(t *testing.T, dir string, input *bytes.Buffer, name string, args ...string) (out []byte, failed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local")
	if input != nil {
		cmd.Stdin = input
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Sprintf("%s %s: %v\n%s", name, strings.Join(args, " "), err, said.String())
	}
	return out, ""
}
