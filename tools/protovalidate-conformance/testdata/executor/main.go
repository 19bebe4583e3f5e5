// Protovalidate-conformance is an executor for protovalidate's conformance suite: it reads a TestConformanceRequest from
// standard input, gives each case to the validator that Trestle generates for its message, and writes a
// TestConformanceResponse to standard output. `make conformance` generates the validators, builds and runs it.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/protoviolation"
	_ "github.com/omninode/trestle/tools/protovalidate-conformance/testdata/cases/buf/validate/conformance/cases"
	_ "github.com/omninode/trestle/tools/protovalidate-conformance/testdata/cases/buf/validate/conformance/cases/custom_rules"
	_ "github.com/omninode/trestle/tools/protovalidate-conformance/testdata/cases/buf/validate/conformance/cases/other_package"
	_ "github.com/omninode/trestle/tools/protovalidate-conformance/testdata/cases/buf/validate/conformance/cases/subdirectory"
	_ "github.com/omninode/trestle/tools/protovalidate-conformance/testdata/cases/buf/validate/conformance/cases/yet_another_package"
	"github.com/omninode/trestle/tools/protovalidate-conformance/testdata/cases/buf/validate/conformance/harness"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "protovalidate-conformance:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	var req harness.TestConformanceRequest
	if err := proto.Unmarshal(text, &req); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	resp := &harness.TestConformanceResponse{Results: map[string]*harness.TestResult{}}
	for name, message := range req.GetCases() {
		resp.Results[name] = result(message)
	}
	answer, err := proto.Marshal(resp)
	if err != nil {
		return fmt.Errorf("write response: %w", err)
	}
	_, err = out.Write(answer)
	return err
}

// result validates one message.
func result(message *anypb.Any) *harness.TestResult {
	m, err := message.UnmarshalNew()
	if err != nil {
		return unexpected(err)
	}
	generated, ok := m.(interface{ Validate() error })
	if !ok && m.ProtoReflect().Descriptor().ParentFile().Package() == "google.protobuf" {
		return valid() // protobuf's own messages have no rules, and no validator
	}
	if !ok {
		return unexpected(fmt.Errorf("%s has no validator", m.ProtoReflect().Descriptor().FullName()))
	}
	err = generated.Validate()
	if err == nil {
		return valid()
	}
	if invalid, ok := errors.AsType[*event.ValidationError](err); ok {
		violations, err := protoviolation.From(invalid, m.ProtoReflect().Descriptor())
		if err != nil {
			return unexpected(err)
		}
		return &harness.TestResult{Result: &harness.TestResult_ValidationError{ValidationError: violations}}
	}
	if _, ok := errors.AsType[*event.RuleError](err); ok {
		return &harness.TestResult{Result: &harness.TestResult_CompilationError{CompilationError: err.Error()}}
	}
	return &harness.TestResult{Result: &harness.TestResult_RuntimeError{RuntimeError: err.Error()}}
}

func valid() *harness.TestResult {
	return &harness.TestResult{Result: &harness.TestResult_Success{Success: true}}
}

func unexpected(err error) *harness.TestResult {
	return &harness.TestResult{Result: &harness.TestResult_UnexpectedError{UnexpectedError: err.Error()}}
}
