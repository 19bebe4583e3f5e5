package event_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/event"
)

func longAnalysis() *analysis {
	return &analysis{
		CorrelationID: correlationID, SessionID: sessionID, Content: strings.Repeat("# PRD: implement feature X\n", 40),
		Context: `{"project_root":"/path/to/project","files":["file1.py","file2.py"],"big":9007199254740993}`, Timestamp: noon,
	}
}

func BenchmarkEncodeAnalysis(b *testing.B) {
	var long event.Event = longAnalysis()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Encode(long, &event.Envelope{}, event.EncodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeAnalysis(b *testing.B) {
	rec, err := event.Encode(longAnalysis(), nil, event.EncodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(rec.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Decode(&rec, codecTypes, event.DecodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
