package bench

import (
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
)

// BenchmarkValid validates valid events beside protovalidate and code written by hand.
func BenchmarkValid(b *testing.B) {
	own, structs := analysis()
	protovalidate := besideProtovalidate(b, true)
	geometricMean(b, "protovalidate/geometric-mean", 40,
		protovalidate("analysis", 15, own, structs),
		protovalidate("status", 15, status(), status()),
		protovalidate("service-started", 15, started(), started()))
	protovalidate("analysis-without-struct", 15, own, own)

	report, service := status(), started()
	compared(b, "by-hand/analysis", 1/1.3, func() { _ = own.Validate() }, func() { _ = checkAnalysis(own) })
	compared(b, "by-hand/status", 1/1.3, func() { _ = report.Validate() }, func() { _ = checkStatus(report) })
	compared(b, "by-hand/service-started", 1/1.3, func() { _ = service.Validate() }, func() { _ = checkStarted(service) })
}

// BenchmarkInvalid validates events that break as many rules as their names say, and collects all of them.
func BenchmarkInvalid(b *testing.B) {
	own, structs := invalidAnalysis()
	protovalidate := besideProtovalidate(b, false)
	geometricMean(b, "protovalidate/geometric-mean", 12,
		protovalidate("analysis-4", 12, own, structs),
		protovalidate("status-1", 12, invalidStatus(), invalidStatus()),
		protovalidate("service-started-3", 12, invalidStarted(), invalidStarted()))
	protovalidate("analysis-4-without-struct", 12, own, own)
}

func besideProtovalidate(b *testing.B, valid bool) func(string, float64, interface{ Validate() error }, proto.Message) float64 {
	validator, err := protovalidate.New()
	if err != nil {
		b.Fatal(err)
	}
	return func(name string, goal float64, ours interface{ Validate() error }, peer proto.Message) float64 {
		if (ours.Validate() == nil) != valid || (validator.Validate(peer) == nil) != valid {
			b.Fatalf("%s: %v, %v", name, ours.Validate(), validator.Validate(peer))
		}
		return compared(b, "protovalidate/"+name, goal, func() { _ = ours.Validate() }, func() { _ = validator.Validate(peer) })
	}
}
