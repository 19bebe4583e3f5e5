package trestle_test

import (
	"strings"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
)

func benchEvent() *analysis {
	return &analysis{
		CorrelationID: correlationID, SessionID: sessionID, Content: strings.Repeat("# PRD: implement feature X\n", 40),
		Context: `{"project_root":"/path/to/project","files":["file1.py","file2.py"],"big":9007199254740993}`, Timestamp: noon,
	}
}

func BenchmarkEncode(b *testing.B) {
	var event trestle.Event = benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trestle.Encode(event, &trestle.Envelope{}, trestle.EncodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	rec, err := trestle.Encode(benchEvent(), nil, trestle.EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(rec.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trestle.Decode(&rec, codecTypes, trestle.DecodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
