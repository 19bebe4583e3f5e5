package chain

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/tools/chain/judge"
	"github.com/omninode/trestle/tools/chain/outside"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// The judges, as the report calls them.
const (
	bySchema         = "tools/event"
	generatedGo      = "generated Go"
	generatedPython  = "generated Python"
	pythonJSONSchema = "python-jsonschema"
	protovalidateGo  = "protovalidate (Go)"
	protovalidatePy  = "protovalidate (Python)"
)

// judges are all who judge the events of one project.
type judges struct {
	bySchema   *judge.Judge
	goProgram  *outside.Peer
	pyProgram  *outside.Peer
	outside    *outside.Judges
	rules      protovalidate.Validator
	descriptor map[string]protoreflect.MessageDescriptor // by event type
}

func startJudges(t *testing.T, python string, others *outside.Judges, p *project) *judges {
	t.Helper()
	cmd := exec.Command(python, filepath.Join("testdata", "generated.py"), "chain_events")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+filepath.Join(p.dir, "python"))
	j := &judges{
		bySchema:   judge.New(event.Events(p.set)),
		goProgram:  outside.StartPeer(t, generatedGo, exec.Command(filepath.Join(p.dir, "judge.exe"))),
		pyProgram:  outside.StartPeer(t, generatedPython, cmd),
		outside:    others,
		descriptor: map[string]protoreflect.MessageDescriptor{},
	}
	var err error
	if j.rules, err = protovalidate.New(); err != nil {
		t.Fatal(err)
	}
	files := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	for _, s := range p.subjects {
		if s.language == schema.Protobuf {
			addFile(files, s.event.Message.Proto.ParentFile(), seen)
		}
	}
	j.outside.Declare(t, files)
	made, err := protodesc.NewFiles(files) // protobuf's own, not what the loader made
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.subjects {
		if s.language == schema.Protobuf {
			d, err := made.FindDescriptorByName(protoreflect.FullName(s.event.Message.FullName))
			if err != nil {
				t.Fatal(err)
			}
			j.descriptor[s.name] = d.(protoreflect.MessageDescriptor)
		}
	}
	return j
}

// close ends the judges of one project.
func (j *judges) close() {
	j.goProgram.Close()
	j.pyProgram.Close()
}

// addFile adds a file behind those it imports.
func addFile(set *descriptorpb.FileDescriptorSet, fd protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[fd.Path()] {
		return
	}
	seen[fd.Path()] = true
	for i := range fd.Imports().Len() {
		addFile(set, fd.Imports().Get(i).FileDescriptor, seen)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(fd))
}

// hearing is what all judges said of the values of one schema: of those in JSON, then of those in binary form. Outside
// judges of protobuf are asked about the binary form of what generated Go read.
type hearing struct {
	*testCase
	ours    map[string][]judge.Answer
	schemas []outside.Answer // of python-jsonschema, of JSON Schemas
	// completed is what it says of the values with their defaults, as tools/event writes them; nil where there are none.
	completed []outside.Answer
	// zoned is what it says of values with times in another shape than RFC 3339 has, with those times as RFC 3339 has them.
	zoned map[int]outside.Answer
	// cut is what generated Go says of values with times finer than a microsecond, with those times cut to it.
	cut   map[int]judge.Answer
	rules map[string][]judge.Answer
	// violated are the rules that protovalidate finds broken.
	violated [][]string
}

func ask(t *testing.T, p *outside.Peer, q judge.Question) []judge.Answer {
	t.Helper()
	var r judge.Reply
	p.Ask(t, q, &r)
	if len(r.Answers) != len(q.JSON)+len(q.Binary) {
		t.Fatalf("%d answers to %d values of %s", len(r.Answers), len(q.JSON)+len(q.Binary), q.Type)
	}
	return r.Answers
}

func (j *judges) hear(t *testing.T, c *testCase) *hearing {
	t.Helper()
	q := judge.Question{Type: c.name, JSON: c.texts, Binary: c.binary}
	h := &hearing{testCase: c}
	var dynamic, generated, python []judge.Answer
	together(
		func() { dynamic = j.bySchema.Answer(q).Answers },
		func() { generated = ask(t, j.goProgram, q) },
		func() { python = ask(t, j.pyProgram, judge.Question{Type: c.name, JSON: c.texts}) },
		func() {
			if c.language == schema.JSONSchema {
				h.schemas = j.outside.JSONSchema(t, c.text, c.texts)
			}
		},
	)
	h.ours = map[string][]judge.Answer{bySchema: dynamic, generatedGo: generated, generatedPython: python}
	h.cut = changed(c.texts, func(text []byte) []byte { return fineTime.ReplaceAll(text, []byte("$1")) }, func(texts [][]byte) []judge.Answer {
		return ask(t, j.goProgram, judge.Question{Type: c.name, JSON: texts})
	})
	if c.language == schema.JSONSchema {
		if h.says(`"default":`) {
			var texts [][]byte
			for _, a := range h.ours[bySchema] {
				texts = append(texts, a.Text)
			}
			h.completed = j.outside.JSONSchema(t, c.text, texts)
		}
		if h.says(`"format":"date-time"`) {
			h.zoned = changed(c.texts, inRFC3339, func(texts [][]byte) []outside.Answer { return j.outside.JSONSchema(t, c.text, texts) })
		}
		return h
	}
	values := append([][]byte{}, c.binary...)
	for _, a := range h.ours[generatedGo][:len(c.texts)] {
		values = append(values, a.Binary)
	}
	// Those of texts come first, as everywhere.
	n := len(c.binary)
	values = append(values[n:], values[:n]...)
	h.rules = map[string][]judge.Answer{}
	var inGo, inPython []judge.Answer
	together(func() {
		for _, a := range j.outside.Protovalidate(t, c.event.Message.FullName, values) {
			inPython = append(inPython, a.Answer)
		}
	}, func() {
		for _, value := range values {
			a, violated := j.protovalidate(c.name, value)
			inGo = append(inGo, a)
			h.violated = append(h.violated, violated)
		}
	})
	h.rules[protovalidateGo], h.rules[protovalidatePy] = inGo, inPython
	return h
}

// blankTime and zonelessTime are times that readers take in JSON, and that RFC 3339 does not have; fineTime is one that is
// finer than a microsecond.
var (
	blankTime    = regexp.MustCompile(`"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)`)
	zonelessTime = regexp.MustCompile(`"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)"`)
	fineTime     = regexp.MustCompile(`(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d\.\d{6})\d+`)
)

func inRFC3339(text []byte) []byte {
	return zonelessTime.ReplaceAll(blankTime.ReplaceAll(text, []byte(`"${1}T${2}`)), []byte(`"${1}Z"`))
}

// changed are the answers about those texts that a change makes others, by their index.
func changed[A any](texts [][]byte, change func([]byte) []byte, answers func([][]byte) []A) map[int]A {
	var at []int
	var others [][]byte
	for i, text := range texts {
		if other := change(text); !bytes.Equal(other, text) {
			at, others = append(at, i), append(others, other)
		}
	}
	out := map[int]A{}
	if len(at) > 0 {
		for n, a := range answers(others) {
			out[at[n]] = a
		}
	}
	return out
}

// together waits for judges that are asked at the same time.
func together(asks ...func()) {
	var all sync.WaitGroup
	for _, f := range asks {
		all.Go(f)
	}
	all.Wait()
}

// panicked is a panic of a library.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recovered turns a panic of a library into an error.
func recovered(ask func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked{p}
		}
	}()
	return ask()
}

func (j *judges) protovalidate(name string, value []byte) (a judge.Answer, violated []string) {
	m := dynamicpb.NewMessage(j.descriptor[name])
	if err := recovered(func() error { return proto.Unmarshal(value, m) }); err != nil {
		a = judge.Answer{Verdict: judge.Unreadable, Why: err.Error()}
		if _, ok := errors.AsType[panicked](err); ok {
			a.Verdict = judge.Failed
		}
		return a, nil
	}
	err := recovered(func() error { return j.rules.Validate(m) })
	if err == nil {
		return judge.Answer{Verdict: judge.Valid}, nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return judge.Answer{Verdict: judge.Failed, Why: err.Error()}, nil
	}
	for _, v := range invalid.Violations {
		violated = append(violated, ruleName(v.Proto))
	}
	return judge.Answer{Verdict: judge.Invalid, Why: err.Error()}, violated
}
