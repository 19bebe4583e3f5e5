package gentest

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/protoviolation"
	expressionsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/formats/want/acme/expressions/v1"
	formatsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/formats/want/acme/formats/v1"
	rulesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/rules/want/acme/rules/v1"
	shapesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/shapes/want/acme/shapes/v1"
)

// validated is a protobuf message with a generated validator.
type validated interface {
	proto.Message
	Validate() error
	ValidateFirst() error
}

// finding is what both validators say of a violation.
type finding struct {
	Path, Rule, RulePath, Message string
	ForKey                        bool
}

// TestSameAsProtovalidate gives generated validators and protovalidate the same messages: values at and around every
// bound of every rule, one field at a time and then at random.
func TestSameAsProtovalidate(t *testing.T) {
	t.Parallel()
	messages := []validated{
		validNumbers(), validTexts(), validContainers(), &rulesv1.Part{Size: 1}, &shapesv1.EveryKind{},
		validKnown(), &expressionsv1.Span{},
		&codegenv1.OnexEnvelopeV1{
			CorrelationId: id, EventType: "x", Timestamp: timestamppb.Now(), Payload: &trestlev1.JsonObject{},
		},
		&codegenv1.DLQAlertEvent{DlqTopic: "x_dlq", FailureCount: new(int64(11)), Threshold: new(int64(10))},
		&codegenv1.DeadLetterEvent{Error: &codegenv1.DeadLetterError{}, SourceTopic: "x"},
	}
	for _, info := range codegenv1.Events() {
		if m, ok := written(t, info).(validated); ok {
			messages = append(messages, m)
		}
	}
	if len(messages) != 10+9 {
		t.Fatalf("%d messages, want the nine events of testdata/python-writes among them", len(messages))
	}
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		t.Run(string(m.ProtoReflect().Descriptor().FullName()), func(t *testing.T) {
			t.Parallel()
			valid, invalid := 0, 0
			_, expressions := m.(*expressionsv1.Span)
			for msg := range samples(m, 1000) {
				if expressions && proto.Size(msg) > 400 {
					continue // CEL takes its time
				}
				want := expected(t, validator, msg)
				got := actual(t, msg.(validated))
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Fatalf("(-protovalidate +generated):\n%s\nmessage: %v", diff, msg)
				}
				if (valid+invalid)%8 == 0 {
					sameMessage(t, validator, msg.(validated))
				}
				sameFirst(t, msg.(validated), want)
				if len(want) == 0 {
					valid++
				} else {
					invalid++
				}
			}
			t.Logf("%d valid, %d invalid", valid, invalid)
			if valid < 10 || invalid < 10 {
				t.Errorf("%d valid and %d invalid samples are too few", valid, invalid)
			}
		})
	}
}

// sameMessage compares buf.validate.Violations: elements of paths with numbers and types.
func sameMessage(t *testing.T, validator protovalidate.Validator, msg validated) {
	t.Helper()
	invalid, ok := errors.AsType[*event.ValidationError](msg.Validate())
	if !ok {
		return
	}
	got, err := protoviolation.From(invalid, msg.ProtoReflect().Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	reference, ok := errors.AsType[*protovalidate.ValidationError](validator.Validate(msg))
	if !ok {
		t.Fatalf("accepted by protovalidate: %v", msg)
	}
	want := reference.ToProto()
	for _, list := range [][]*validate.Violation{got.GetViolations(), want.GetViolations()} {
		slices.SortFunc(list, func(a, b *validate.Violation) int {
			return cmp.Or(cmp.Compare(protovalidate.FieldPathString(a.GetField()), protovalidate.FieldPathString(b.GetField())),
				cmp.Compare(a.GetRuleId(), b.GetRuleId()), cmp.Compare(a.GetMessage(), b.GetMessage()))
		})
	}
	if !proto.Equal(want, got) {
		t.Fatalf("buf.validate.Violations (-protovalidate +generated):\n%s\nmessage: %v", gocmp.Diff(want, got, protocmp.Transform()), msg)
	}
}

// sameFirst holds ValidateFirst to one violation of those that there are.
func sameFirst(t *testing.T, msg validated, all []finding) {
	t.Helper()
	err := msg.ValidateFirst()
	if (err == nil) != (len(all) == 0) {
		t.Fatalf("ValidateFirst says %v of %v, of which there are %d violations", err, msg, len(all))
	}
	if err == nil {
		return
	}
	invalid, ok := errors.AsType[*event.ValidationError](err)
	if !ok || len(invalid.Violations) != 1 {
		t.Fatalf("ValidateFirst: %v", err)
	}
	v := invalid.Violations[0]
	if !slices.Contains(all, finding{v.Path, v.Rule, v.RulePath, v.Message, v.ForKey}) {
		t.Fatalf("ValidateFirst: %v, which is not one of %v", v, all)
	}
}

func expected(t *testing.T, validator protovalidate.Validator, msg proto.Message) []finding {
	t.Helper()
	return findings(t, validator.Validate(msg))
}

func findings(t *testing.T, err error) []finding {
	t.Helper()
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		t.Fatalf("protovalidate: %v", err)
	}
	var out []finding
	for _, v := range invalid.Violations {
		out = append(out, finding{
			protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetRuleId(), protovalidate.FieldPathString(v.Proto.GetRule()),
			v.Proto.GetMessage(), v.Proto.GetForKey(),
		})
	}
	return sorted(out)
}

func actual(t *testing.T, msg validated) []finding {
	t.Helper()
	err := msg.Validate()
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*event.ValidationError](err)
	if !ok {
		t.Fatalf("Validate: %v", err)
	}
	if want := string(msg.ProtoReflect().Descriptor().FullName()); invalid.Type != want {
		t.Errorf("the error is of type %q, want %q", invalid.Type, want)
	}
	var out []finding
	for _, v := range invalid.Violations {
		out = append(out, finding{v.Path, v.Rule, v.RulePath, v.Message, v.ForKey})
	}
	return sorted(out)
}

// sorted puts findings in an order: protovalidate's is that of Go's maps where maps are concerned.
func sorted(findings []finding) []finding {
	slices.SortFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return findings
}

// TestOrder holds violations to the order of the schema, and of a map's keys.
func TestOrder(t *testing.T) {
	t.Parallel()
	msg := &rulesv1.Containers{
		Parts:  []*rulesv1.Part{{Size: 1}, {Size: 0, Parts: []*rulesv1.Part{{Size: 10}}}},
		Labels: map[string]string{"zz": "long", "a": "b", "mm": "longer"},
		Left:   "left",
		Some:   []int32{1},
	}
	want := []string{"choice", "part", "parts[1].size", "parts[1].parts[0].size", "labels", `labels["a"]`, `labels["mm"]`, `labels["zz"]`}
	for range 20 {
		invalid, ok := errors.AsType[*event.ValidationError](msg.Validate())
		if !ok {
			t.Fatal("accepted")
		}
		var got []string
		for _, v := range invalid.Violations {
			got = append(got, v.Path)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

func TestSensitiveIsNotShown(t *testing.T) {
	t.Parallel()
	err := (&shapesv1.EveryKind{Secret: "far too long a secret"}).Validate()
	invalid, ok := errors.AsType[*event.ValidationError](err)
	if !ok || len(invalid.Violations) != 1 {
		t.Fatalf("got %v, want one violation", err)
	}
	if v := invalid.Violations[0]; v.Path != "secret" || v.Found != "" {
		t.Errorf("got %+v, want nothing found at secret", v)
	}
}

// samples yields messages of a type: for every field every value that is worth trying, with the other fields valid,
// absent and at random; then all fields at random.
func samples(valid proto.Message, random int) func(func(proto.Message) bool) {
	return func(yield func(proto.Message) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		mt := valid.ProtoReflect().Type()
		fields := mt.Descriptor().Fields()
		for i := range fields.Len() {
			for _, set := range settings(fields.Get(i), 0) {
				some := mt.New()
				randomise(some, rng, 0)
				for _, m := range []protoreflect.Message{proto.Clone(valid).ProtoReflect(), mt.New(), some} {
					set(m)
					if !yield(m.Interface()) {
						return
					}
				}
			}
		}
		for range random {
			m := mt.New()
			randomise(m, rng, 0)
			if !yield(m.Interface()) {
				return
			}
		}
	}
}

func randomise(m protoreflect.Message, rng *rand.Rand, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if rng.IntN(5) == 0 {
			continue
		}
		if choices := settings(fields.Get(i), depth); len(choices) > 0 {
			choices[rng.IntN(len(choices))](m)
		}
	}
}

const id = "550e8400-e29b-41d4-a716-446655440000"

func validNumbers() *rulesv1.Numbers {
	return &rulesv1.Numbers{
		GteLte: 1, Outside: 11, OutsideInclusive: 10, Gt: 8, Const: 3, In: 1, NotIn: 1, Ratio: 0.5, Apart: 2, Set: 1,
		There: new(0.0), Tiny: 1,
	}
}

func validTexts() *rulesv1.Texts {
	return &rulesv1.Texts{
		Len: "abc", Between: "a", BytesBetween: "ab", LenBytes: "abcd", Const: `a"b`, Version: "1.0", Parts: "<->",
		Id: id, RequiredId: id, Trimmed: strings.ReplaceAll(id, "-", ""), Data: []byte("a"),
		Frame: []byte{1, 0, 255}, Magic: []byte("ab"), Accepted: true, Red: 1, Some: 1, Raised: 1, SetLevel: 1,
	}
}

func validContainers() *rulesv1.Containers {
	return &rulesv1.Containers{
		Part: &rulesv1.Part{Size: 1}, Parts: []*rulesv1.Part{{Size: 2}}, Some: []int32{1}, Left: "left",
		Labels: map[string]string{"ab": "c"}, Choice: &rulesv1.Containers_Number{Number: 1},
	}
}

func validKnown() *formatsv1.Known {
	return &formatsv1.Known{
		One: durationpb.New(1000000005), Number: wrapperspb.Int32(4), Waits: []*durationpb.Duration{durationpb.New(0), durationpb.New(1500000000)},
	}
}
