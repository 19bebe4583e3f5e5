package gentest

import (
	"bytes"
	"encoding"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/dynamicpb"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/genapi/protobin"
	formatsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/formats/want/acme/formats/v1"
	rulesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/rules/want/acme/rules/v1"
	shapesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/shapes/want/acme/shapes/v1"
)

// binary is a message with a generated protobuf codec.
type binary interface {
	proto.Message
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

func binaries() []binary {
	return []binary{
		&shapesv1.EveryKind{}, &rulesv1.Numbers{}, &rulesv1.Texts{}, &rulesv1.Containers{}, &formatsv1.Known{},
		&codegenv1.CodegenAnalysisRequest{}, &codegenv1.DeadLetterEvent{}, &codegenv1.OnexEnvelopeV1{},
	}
}

// TestBinarySameAsProtobuf holds what generated codecs write to the bytes of proto.Marshal, and what they read of them, of
// two of them in a row and of bytes that are wrong to proto.Unmarshal.
func TestBinarySameAsProtobuf(t *testing.T) {
	t.Parallel()
	for _, m := range binaries() {
		t.Run(string(m.ProtoReflect().Descriptor().FullName()), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(5, 6))
			var last []byte
			broken := 0
			for msg := range samples(m, 300) {
				want, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg)
				if err != nil {
					t.Fatal(err)
				}
				got, err := msg.(binary).AppendBinary([]byte("x"))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got[1:], want) {
					t.Fatalf("wrote\n%x, want\n%x\nof %v", got[1:], want, msg)
				}
				sameRead(t, m, want)
				sameRead(t, m, append(bytes.Clone(last), want...))
				last = want
				if len(want) > 0 {
					wrong := bytes.Clone(want)
					wrong[rng.IntN(len(wrong))] = byte(rng.Uint32())
					if !sameRead(t, m, wrong) {
						broken++
					}
					sameRead(t, m, wrong[:rng.IntN(len(wrong))])
				}
			}
			if broken == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

// sameRead reads bytes both ways and says whether they can be read.
func sameRead(t *testing.T, like binary, data []byte) bool {
	t.Helper()
	want, got := like.ProtoReflect().New().Interface(), like.ProtoReflect().New().Interface().(binary)
	wantErr, gotErr := proto.Unmarshal(data, want), got.UnmarshalBinary(data)
	if wantErr == nil {
		wantErr = proto.CheckInitialized(want) // it passes over the messages of oneofs
	}
	if (wantErr == nil) != (gotErr == nil) {
		t.Fatalf("%x: %v, want %v", data, gotErr, wantErr)
	}
	if wantErr != nil {
		return false
	}
	if !proto.Equal(want, got) {
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
		have, haveErr := proto.MarshalOptions{Deterministic: true}.Marshal(got)
		if err != nil || haveErr != nil || !bytes.Equal(again, have) { // NaN differs from itself
			t.Fatalf("%x (-want +got):\n%s", data, gocmp.Diff(want, got, protocmp.Transform()))
		}
	}
	return true
}

// TestRequiredFields reads messages that lack what protobuf itself requires, and messages of which the second half comes
// later.
func TestRequiredFields(t *testing.T) {
	t.Parallel()
	whole := []byte{0x08, 7}
	field := func(number byte, inner ...byte) []byte {
		return append([]byte{number<<3 | 2, byte(len(inner))}, inner...)
	}
	for name, c := range map[string]struct {
		of    proto.Message
		data  []byte
		lacks bool
	}{
		"alone":                            {&rulesv1.Whole{}, whole, false},
		"lacking":                          {&rulesv1.Whole{}, field(2, 'a'), true},
		"in a oneof":                       {&rulesv1.Bag{}, field(2, whole...), false},
		"lacking in a oneof":               {&rulesv1.Bag{}, field(2), true},
		"lacking in a list":                {&rulesv1.Bag{}, field(3), true},
		"lacking in a message":             {&rulesv1.Bag{}, field(4, field(2)...), true},
		"lacking in a oneof in a oneof":    {&rulesv1.Whole{}, append(field(3, field(2)...), whole...), true},
		"there the second time":            {&rulesv1.Bag{}, append(field(2, field(2, 'a')...), field(2, whole...)...), false},
		"there the first time":             {&rulesv1.Bag{}, append(field(2, whole...), field(2, field(2, 'a')...)...), false},
		"in a oneof that has another last": {&rulesv1.Bag{}, append(field(2), field(1, 'a')...), false},
	} {
		m := c.of.ProtoReflect().New().Interface()
		if err := protobin.Unmarshal(c.data, m); (err != nil) != c.lacks {
			t.Errorf("%s: generated code says %v", name, err)
		}
		byDescriptor := dynamicpb.NewMessage(c.of.ProtoReflect().Descriptor())
		if err := proto.Unmarshal(c.data, byDescriptor); (err != nil) != c.lacks {
			t.Errorf("%s: protobuf says %v by its descriptor", name, err)
		}
	}
}

func FuzzBinary(f *testing.F) {
	for i, m := range binaries() {
		n := 0
		for msg := range samples(m, 3) {
			if n++; n%97 != 0 {
				continue
			}
			text, err := proto.Marshal(msg)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(i, text)
		}
	}
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		all := binaries()
		sameRead(t, all[uint(which)%uint(len(all))], data)
	})
}
