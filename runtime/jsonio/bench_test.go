package jsonio_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
)

var document = []byte(`{"correlation_id":"550e8400-e29b-41d4-a716-446655440000","prd_content":"` +
	strings.Repeat(`# PRD: New Feature\n\nImplement feature X, naïve 😀. `, 100) +
	`","limit":20,"score":0.875,"valid":true,"timestamp":"2025-10-16T12:34:56.789012Z",` +
	`"workspace_context":{"files":["file1.py","file2.py"],"big":9007199254740993,"nested":{"a":[1,2.5,null,true,{}]}}}`)

type fields struct {
	correlation, content string
	limit                int64
	score                float64
	valid                bool
	at                   time.Time
}

// read decodes document as generated code does, with views for the strings.
func (f *fields) read(r *jsonio.Reader) {
	var seen uint64
	for ok := r.BeginObject(); ok && r.More(); {
		switch r.Name() {
		case "correlation_id":
			r.Once(&seen, 0)
			f.correlation = r.StringView()
		case "prd_content":
			r.Once(&seen, 1)
			f.content = r.StringView()
		case "limit":
			f.limit = r.Int64()
		case "score":
			f.score = r.Float64()
		case "valid":
			f.valid = r.Bool()
		case "timestamp":
			f.at = r.Time()
		default:
			r.Skip()
		}
	}
	r.End()
}

func TestReadingAndWritingDoNotAllocate(t *testing.T) {
	r := jsonio.NewReader(document)
	var f fields
	f.read(r) // grows what escapes need
	if allocs := testing.AllocsPerRun(100, func() {
		r.Reset(document)
		f.read(r)
	}); allocs != 0 || r.Err() != nil || f.limit != 20 {
		t.Errorf("reading: %v allocations, %v", allocs, r.Err())
	}
	b := make([]byte, 0, 2*len(document))
	raw := jsonio.Raw(document)
	at := time.Date(2025, 10, 16, 12, 34, 56, 789012000, time.UTC)
	text := strings.Clone(f.content)
	blob := []byte("blob")
	if allocs := testing.AllocsPerRun(100, func() {
		b, _ = jsonio.AppendString(b[:0], text)
		b, _ = jsonio.AppendFloat64(b[:0], 0.93)
		b, _ = jsonio.AppendFloat32(b[:0], 0.93)
		b, _ = jsonio.AppendTime(b[:0], at)
		b = jsonio.AppendBytes(b[:0], blob)
		b, _ = jsonio.AppendRaw(b[:0], raw)
		b, _ = jsonio.AppendObject(b[:0], string(raw))
	}); allocs != 0 {
		t.Errorf("writing: %v allocations", allocs)
	}
}

func BenchmarkRead(b *testing.B) {
	r := jsonio.NewReader(document)
	var f fields
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(document)
		f.read(r)
	}
}

func BenchmarkReadEncodingJSON(b *testing.B) {
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		var v struct {
			CorrelationID string          `json:"correlation_id"`
			Content       string          `json:"prd_content"`
			Limit         int64           `json:"limit"`
			Score         float64         `json:"score"`
			Valid         bool            `json:"valid"`
			At            time.Time       `json:"timestamp"`
			Free          json.RawMessage `json:"workspace_context"`
		}
		if err := json.Unmarshal(document, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSkip(b *testing.B) {
	r := jsonio.NewReader(document)
	b.SetBytes(int64(len(document)))
	for b.Loop() {
		r.Reset(document)
		r.Skip()
	}
}

func BenchmarkAppendString(b *testing.B) {
	text := strings.Repeat("def f():\n\treturn \"some code that is mostly plain\"\n", 100)
	var buf []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		buf, _ = jsonio.AppendString(buf[:0], text)
	}
}

func BenchmarkAppendRaw(b *testing.B) {
	var buf []byte
	b.SetBytes(int64(len(document)))
	for b.Loop() {
		buf, _ = jsonio.AppendRaw(buf[:0], jsonio.Raw(document))
	}
}

func BenchmarkAppendTime(b *testing.B) {
	at := time.Date(2025, 10, 16, 12, 34, 56, 789012000, time.UTC)
	var buf []byte
	for b.Loop() {
		buf, _ = jsonio.AppendTime(buf[:0], at)
	}
}

func BenchmarkReadTime(b *testing.B) {
	r := jsonio.NewReader(nil)
	text := []byte(`"2025-10-16T12:34:56.789012Z"`)
	for b.Loop() {
		r.Reset(text)
		r.Time()
	}
}
