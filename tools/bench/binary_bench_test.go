package bench

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/omninode/trestle/runtime/genapi/protobin"
	"github.com/omninode/trestle/tools/bench/vt"
)

// binary is a message with the codec that Trestle generates.
type binary interface {
	proto.Message
	AppendBinary([]byte) ([]byte, error)
	UnmarshalBinary([]byte) error
	DecodeBinary(*protobin.Reader)
	Reset()
}

// vtMessage is a message with the codec that vtprotobuf generates.
type vtMessage interface {
	proto.Message
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
	UnmarshalVTUnsafe([]byte) error
	Reset()
}

// forms are an event in Trestle's type, in that for proto, and in that for vtprotobuf.
type forms struct {
	name string
	own  binary
	peer proto.Message
	vt   vtMessage
}

func events() []forms {
	own, structs := analysis()
	return []forms{
		{"analysis", own, structs, as(structs, new(vt.AnalysisRequest))},
		{"analysis-without-struct", own, own, as(own, new(vt.CodegenAnalysisRequest))},
		{"status", status(), status(), as(status(), new(vt.CodegenStatusEvent))},
		{"service-started", started(), started(), as(started(), new(vt.ServiceStarted))},
	}
}

// BenchmarkEncodeBinary writes protobuf into a buffer that is used again, beside proto.Marshal and vtprotobuf.
func BenchmarkEncodeBinary(b *testing.B) {
	var buf, vtBuf []byte
	for _, e := range events() {
		encode := func() { buf, _ = e.own.AppendBinary(buf[:0]) }
		compared(b, "proto/"+e.name, 3, encode, func() { _, _ = proto.Marshal(e.peer) })
		compared(b, "vtprotobuf/"+e.name, 0, encode, func() {
			n := e.vt.SizeVT()
			if n > len(vtBuf) {
				vtBuf = make([]byte, n)
			}
			_, _ = e.vt.MarshalToSizedBufferVT(vtBuf[:n])
		})
	}
}

// BenchmarkDecodeBinary reads protobuf beside proto.Unmarshal and vtprotobuf; by the way without a copy, too, where the
// strings of the event are parts of the text that is read.
func BenchmarkDecodeBinary(b *testing.B) {
	for _, e := range events() {
		text, _ := e.own.AppendBinary(nil)
		peerText, _ := proto.Marshal(e.peer)
		vtText, _ := proto.Marshal(e.vt)
		decode := func() { _ = e.own.UnmarshalBinary(text) }
		unmarshal := func() { _ = proto.Unmarshal(peerText, e.peer) }
		compared(b, "proto/"+e.name, 1.8, decode, unmarshal)
		compared(b, "vtprotobuf/"+e.name, 0, decode, func() {
			e.vt.Reset()
			_ = e.vt.UnmarshalVT(vtText)
		})

		kept := string(text)
		var r protobin.Reader
		share := func() {
			e.own.Reset()
			r = protobin.NewReader(kept)
			e.own.DecodeBinary(&r)
		}
		compared(b, "proto-shared/"+e.name, 1.8, share, unmarshal)
		compared(b, "vtprotobuf-shared/"+e.name, 0, share, func() {
			e.vt.Reset()
			_ = e.vt.UnmarshalVTUnsafe(vtText)
		})
	}
}
