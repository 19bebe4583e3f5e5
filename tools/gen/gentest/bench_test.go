package gentest

import (
	"testing"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
)

// BenchmarkValidate validates a valid event of every type, the protobuf ones by protovalidate too.
func BenchmarkValidate(b *testing.B) {
	validator, err := protovalidate.New()
	if err != nil {
		b.Fatal(err)
	}
	each(b, func(b *testing.B, e event.Event, _ []byte) {
		b.Run("trestle", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Validate(); err != nil {
					b.Fatal(err)
				}
			}
		})
		if m, ok := e.(proto.Message); ok {
			b.Run("protovalidate", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := validator.Validate(m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkEncode writes an event of every type as JSON, the protobuf ones by protojson too.
func BenchmarkEncode(b *testing.B) {
	each(b, func(b *testing.B, e event.Event, _ []byte) {
		b.Run("trestle", func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				var err error
				if buf, err = e.AppendJSON(buf[:0]); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buf)))
		})
		if m, ok := e.(proto.Message); ok {
			b.Run("protojson", func(b *testing.B) {
				b.ReportAllocs()
				var buf []byte
				for b.Loop() {
					var err error
					if buf, err = (protojson.MarshalOptions{UseProtoNames: true}).MarshalAppend(buf[:0], m); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(int64(len(buf)))
			})
		}
	})
}

// BenchmarkDecode reads an event of every type from JSON; protojson reads what it has written itself.
func BenchmarkDecode(b *testing.B) {
	each(b, func(b *testing.B, e event.Event, text []byte) {
		info := e.EventInfo()
		b.Run("trestle", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			r := jsonio.NewReader(nil)
			for b.Loop() {
				r.Reset(text)
				e := info.New()
				e.DecodeJSON(r)
				if r.End(); r.Err() != nil || len(r.Faults()) > 0 {
					b.Fatal(r.Err(), r.Faults())
				}
			}
		})
		if m, ok := e.(proto.Message); ok {
			b.Run("protojson", func(b *testing.B) {
				text, err := (protojson.MarshalOptions{UseProtoNames: true}).Marshal(m)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if err := protojson.Unmarshal(text, info.New().(proto.Message)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// each runs a benchmark for one event of every type in testdata.
func each(b *testing.B, run func(*testing.B, event.Event, []byte)) {
	known := events()
	done := map[string]bool{}
	for _, r := range corpus(b) {
		if done[r.EventType] {
			continue
		}
		done[r.EventType] = true
		e := decode(b, known[r.EventType], r.Payload)
		e.SetDefaults(time.Now())
		text, err := e.AppendJSON(nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(r.EventType, func(b *testing.B) { run(b, e, text) })
	}
}
