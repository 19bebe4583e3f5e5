package bench

import (
	"fmt"
	"math"
	"regexp"
	"unicode/utf8"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	peersv1 "github.com/omninode/trestle/tools/gen/golang/testdata/peers/want/acme/peers/v1"
)

// Validators as one writes them by hand: what they cost is what generated ones are held to. TestHandwritten holds them to
// finding the same.

type findings []trestle.Violation

func (f *findings) add(path, rule, message string) {
	*f = append(*f, trestle.Violation{Path: path, Rule: rule, Message: message})
}

func (f findings) err(name string) error {
	if len(f) == 0 {
		return nil
	}
	return &trestle.ValidationError{Type: name, Violations: f}
}

func (f *findings) uuid(path, s string) {
	switch {
	case s == "":
		f.add(path, "required", "value is required")
	case !isUUID(s):
		f.add(path, "string.uuid", "must be a valid UUID")
	}
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
	}
	return true
}

func checkAnalysis(e *codegenv1.CodegenAnalysisRequest) error {
	var f findings
	f.uuid("correlation_id", e.CorrelationId)
	f.uuid("session_id", e.SessionId)
	if e.PrdContent == nil {
		f.add("prd_content", "required", "value is required")
	}
	if _, ok := codegenv1.AnalysisType_name[int32(e.AnalysisType)]; !ok {
		f.add("analysis_type", "enum.defined_only", "value must be one of the defined enum values")
	}
	return f.err("omninode.codegen.v1.CodegenAnalysisRequest")
}

func checkStatus(e *codegenv1.CodegenStatusEvent) error {
	var f findings
	f.uuid("session_id", e.SessionId)
	if e.Status == 0 {
		f.add("status", "required", "value is required")
	} else if _, ok := codegenv1.SessionStatus_name[int32(e.Status)]; !ok {
		f.add("status", "enum.defined_only", "value must be one of the defined enum values")
	}
	if p := e.ProgressPercentage; p == nil {
		f.add("progress_percentage", "required", "value is required")
	} else if !(*p >= 0 && *p <= 100) {
		f.add("progress_percentage", "double.gte_lte", "must be greater than or equal to 0 and less than or equal to 100")
	}
	if e.Message == nil {
		f.add("message", "required", "value is required")
	}
	return f.err("omninode.codegen.v1.CodegenStatusEvent")
}

var version = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

func checkStarted(e *peersv1.ServiceStarted) error {
	var f findings
	f.uuid("event_id", e.EventId)
	if e.Timestamp == nil {
		f.add("timestamp", "required", "value is required")
	}
	if s := e.ServiceInfo; s == nil {
		f.add("service_info", "required", "value is required")
	} else {
		if s.Name == "" {
			f.add("service_info.name", "string.min_len", "must be at least 1 characters")
		}
		if utf8.RuneCountInString(s.Name) > 64 {
			f.add("service_info.name", "string.max_len", "must be at most 64 characters")
		}
		if !version.MatchString(s.Version) {
			f.add("service_info.version", "string.pattern", "does not match regex pattern `"+version.String()+"`")
		}
		if s.Port < 1 || s.Port > 65535 {
			f.add("service_info.port", "int32.gte_lte", "must be greater than or equal to 1 and less than or equal to 65535")
		}
		switch s.Environment {
		case "development", "staging", "production":
		default:
			f.add("service_info.environment", "string.in", "must be in list [development, staging, production]")
		}
	}
	if len(e.InitializationSteps) < 1 {
		f.add("initialization_steps", "repeated.min_items", "must contain at least 1 item(s)")
	}
	if len(e.InitializationSteps) > 100 {
		f.add("initialization_steps", "repeated.max_items", "must contain no more than 100 item(s)")
	}
	for i, s := range e.InitializationSteps {
		at := func(field string) string { return fmt.Sprintf("initialization_steps[%d].%s", i, field) }
		if s.Name == "" {
			f.add(at("name"), "string.min_len", "must be at least 1 characters")
		}
		switch s.Status {
		case "success", "failed", "skipped":
		default:
			f.add(at("status"), "string.in", "must be in list [success, failed, skipped]")
		}
		if math.IsNaN(s.DurationMs) || math.IsInf(s.DurationMs, 0) {
			f.add(at("duration_ms"), "double.finite", "must be finite")
		}
		if !(s.DurationMs >= 0) {
			f.add(at("duration_ms"), "double.gte", "must be greater than or equal to 0")
		}
	}
	if e.StartupDurationMs < 0 {
		f.add("startup_duration_ms", "int64.gte", "must be greater than or equal to 0")
	}
	return f.err("acme.peers.v1.ServiceStarted")
}
