package trestle_test

import (
	"strings"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
)

func longAnalysis() *analysis {
	return &analysis{
		CorrelationID: correlationID, SessionID: sessionID, Content: strings.Repeat("# PRD: implement feature X\n", 40),
		Context: `{"project_root":"/path/to/project","files":["file1.py","file2.py"],"big":9007199254740993}`, Timestamp: noon,
	}
}

func BenchmarkEncodeAnalysis(b *testing.B) {
	var event trestle.Event = longAnalysis()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trestle.Encode(event, &trestle.Envelope{}, trestle.EncodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeAnalysis(b *testing.B) {
	rec, err := trestle.Encode(longAnalysis(), nil, trestle.EncodeOptions{})
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
