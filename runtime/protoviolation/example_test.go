package protoviolation_test

import (
	"errors"
	"fmt"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/protoviolation"
)

func ExampleFrom() {
	request := &codegenv1.CodegenPatternRequest{CorrelationId: "not a UUID"}
	invalid, ok := errors.AsType[*event.ValidationError](request.Validate())
	if !ok {
		return
	}
	violations, err := protoviolation.From(invalid, request.ProtoReflect().Descriptor())
	if err != nil {
		fmt.Println(err)
		return
	}
	first := violations.GetViolations()[0]
	for _, element := range first.GetRule().GetElements() {
		fmt.Println(element.GetFieldNumber(), element.GetFieldName())
	}
	fmt.Println(first.GetField().GetElements()[0].GetFieldName(), first.GetRuleId())
	// Output:
	// 14 string
	// 22 uuid
	// correlation_id string.uuid
}
