//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkGenerate generates everything from a project's events, in a process of its own, in turns with buf generate
// with protoc-gen-go alone on the same schemas. Time is linear when
// that per event stays what it is.
func BenchmarkGenerate(b *testing.B) {
	bin := b.TempDir()
	for _, program := range []string{".", "google.golang.org/protobuf/cmd/protoc-gen-go"} {
		if out, err := exec.Command("go", "build", "-o", bin+"/", program).CombinedOutput(); err != nil {
			b.Fatalf("build: %v\n%s", err, out)
		}
	}
	buf := peer(b)
	template := fmt.Sprintf(`{"version":"v2","plugins":[{"local":%q,"out":"gen","opt":"paths=source_relative"}]}`, filepath.Join(bin, "protoc-gen-go"))
	for _, events := range []int{100, 300, 1000, 3000} {
		dir := b.TempDir()
		manyEvents(b, dir, events)
		b.Run(fmt.Sprint(events), func(b *testing.B) {
			var own, other usage
			for b.Loop() {
				for _, made := range []string{"gen", "buf"} {
					if err := os.RemoveAll(filepath.Join(dir, made)); err != nil {
						b.Fatal(err)
					}
				}
				own.add(measured(b, []string{filepath.Join(bin, "trestle"), "generate", "-C", dir}, 0))
				other.add(measured(b, []string{buf, "generate", dir, "--path", filepath.Join(dir, "schemas/big"), "--template", template, "-o", filepath.Join(dir, "buf")}, 0))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(milliseconds(own.wall)/float64(b.N), "ms")
			b.ReportMetric(milliseconds(other.wall)/float64(b.N), "buf-ms")
			b.ReportMetric(milliseconds(own.processor)/float64(b.N*events), "processor-ms/event")
			b.ReportMetric(float64(own.processor)/float64(other.processor), "times-buf's-processor-time")
			b.ReportMetric(float64(own.memory)/1024, "MiB")
		})
	}
}

// manyEvents writes a project of packages of 20 events, for buf too.
func manyEvents(b *testing.B, dir string, events int) {
	b.Helper()
	write := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("trestle.yaml", "schemas: schemas\ngen: gen\ngo_import: example.org/big/gen\n")
	write("buf.yaml", "version: v2\nmodules:\n  - path: schemas\n  - path: include\n")
	for name, from := range map[string]string{
		"buf/validate/validate.proto": "../../.cache/include/protovalidate", "trestle/v1/options.proto": "../../schemas", "trestle/v1/json.proto": "../../schemas",
	} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			b.Fatal(err)
		}
		write(filepath.Join("include", name), string(text))
	}
	for f := range events / 20 {
		var s strings.Builder
		fmt.Fprintf(&s, `syntax = "proto3";

package big.p%[1]d.v1;

import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "trestle/v1/options.proto";

option go_package = "example.org/big/gen/big/p%[1]d/v1;p%[1]dv1";
`, f)
		for m := range 20 {
			fmt.Fprintf(&s, `
// Event%[1]d is an event.
message Event%[1]d {
  option (trestle.v1.event) = {topic: "big_event%[1]d_v1", key: "id"};
  // The event's id.
  string id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.uuid = true];
  // When it happened.
  google.protobuf.Timestamp at = 2;
  // Whom it is for.
  string customer = 3 [(buf.validate.field).string = {min_len: 1, max_len: 64}];
  // How much.
  int64 amount = 4 [(buf.validate.field).int64 = {gte: 0, lte: 1000000}];
  // How sure.
  optional double score = 5 [(buf.validate.field).double = {gte: 0, lte: 1}];
  // Words about it.
  repeated string tags = 6 [(buf.validate.field).repeated.max_items = 20];
  // Names for it.
  map<string, string> labels = 7;
  // Whether it is over.
  bool done = 8;
}
`, f*20+m)
		}
		write(fmt.Sprintf("schemas/big/p%d/v1/events.proto", f), s.String())
	}
}
