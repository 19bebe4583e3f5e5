package bench

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/bytedance/sonic"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/jsonio"
	peersv1 "github.com/omninode/trestle/tools/gen/golang/testdata/peers/want/acme/peers/v1"
)

// plain is the analysis request as a plain struct.
type plain struct {
	CorrelationID    string         `json:"correlation_id"`
	SessionID        string         `json:"session_id"`
	PrdContent       *string        `json:"prd_content,omitempty"`
	AnalysisType     string         `json:"analysis_type"`
	WorkspaceContext map[string]any `json:"workspace_context"`
	Timestamp        time.Time      `json:"timestamp"`
	SchemaVersion    string         `json:"schema_version"`
}

type encoder interface {
	AppendJSON([]byte) ([]byte, error)
}

// BenchmarkEncodeJSON writes events into a buffer that is used again, beside protojson, and beside sonic with a plain
// struct.
func BenchmarkEncodeJSON(b *testing.B) {
	own, structs := analysis()
	var buf []byte
	beside := func(name string, goal float64, ours encoder, peer func()) float64 {
		return compared(b, name, goal, func() { buf, _ = ours.AppendJSON(buf[:0]) }, peer)
	}
	marshal := func(m proto.Message) func() { return func() { _, _ = protojson.Marshal(m) } }
	geometricMean(b, "protojson/geometric-mean", 8,
		beside("protojson/analysis", 8, own, marshal(structs)),
		beside("protojson/status", 8, status(), marshal(status())),
		beside("protojson/service-started", 8, started(), marshal(started())))
	beside("protojson/analysis-without-struct", 0, own, marshal(own))

	text, _ := own.AppendJSON(nil)
	var same plain
	if err := json.Unmarshal(text, &same); err != nil {
		b.Fatal(err)
	}
	beside("sonic/analysis", 1, own, func() { _, _ = sonic.ConfigFastest.Marshal(&same) })
}

type decoder interface {
	DecodeJSON(*jsonio.Reader)
}

// BenchmarkDecodeJSON reads events beside protojson, and beside sonic into a plain struct.
func BenchmarkDecodeJSON(b *testing.B) {
	own, structs := analysis()
	reader := jsonio.NewReader(nil)
	beside := func(name string, goal float64, ours encoder, empty func() decoder, peer func()) float64 {
		text, err := ours.AppendJSON(nil)
		if err != nil {
			b.Fatal(err)
		}
		return compared(b, name, goal, func() {
			reader.Reset(text)
			empty().DecodeJSON(reader)
		}, peer)
	}
	unmarshal := func(m proto.Message) func() {
		text, err := protojson.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		return func() { _ = protojson.Unmarshal(text, m.ProtoReflect().New().Interface()) }
	}
	request := func() decoder { return new(codegenv1.CodegenAnalysisRequest) }
	report := func() decoder { return new(codegenv1.CodegenStatusEvent) }
	service := func() decoder { return new(peersv1.ServiceStarted) }
	geometricMean(b, "protojson/geometric-mean", 3,
		beside("protojson/analysis", 3, own, request, unmarshal(structs)),
		beside("protojson/status", 3, status(), report, unmarshal(status())),
		beside("protojson/service-started", 3, started(), service, unmarshal(started())))

	text, _ := own.AppendJSON(nil)
	beside("sonic/analysis", 0, own, request, func() { _ = sonic.ConfigFastest.Unmarshal(text, new(plain)) })
}
