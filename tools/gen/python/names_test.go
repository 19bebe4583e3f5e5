package python

import (
	"testing"
)

func TestConstant(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"service.lifecycle.started": "SERVICE_LIFECYCLE_STARTED",
		"CodegenAnalysisRequest":    "CODEGEN_ANALYSIS_REQUEST",
		"DLQAlertEvent":             "DLQ_ALERT_EVENT",
		"V2Started":                 "V2_STARTED",
		"2fast":                     "_2FAST",
		"a-b é":                     "A_B__",
	} {
		if got := constant(name); got != want {
			t.Errorf("constant(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestAttribute(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"limit": "limit", "in": "in_", "copy": "copy_", "dict": "dict_", "_private": "private", "9lives": "field_9lives",
		"a-b": "a_b", "model_name": "model_name", "model_dump": "model_dump_", "EVENT": "EVENT_", "topics": "topics_",
	} {
		if got := attribute(name); got != want {
			t.Errorf("attribute(%q) = %s, want %s", name, got, want)
		}
	}
}

// TestRustPattern holds patterns to mean in pydantic what they mean in RE2, where \d and \b are ASCII.
func TestRustPattern(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`\d+`:    `[0-9]+`,
		`\bab\b`: `(?-u:\b)ab(?-u:\b)`,
		`\\b`:    `\\b`,
		`^a|b$`:  `(?-m:\Aa|b$)`,
		`[\w.]`:  `[\.0-9A-Z_a-z]`,
	} {
		if got, err := rustPattern(pattern); err != nil || got != want {
			t.Errorf("rustPattern(%q) = %s, %v, want %s", pattern, got, err, want)
		}
	}
}

func TestDocstring(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"Says so.":        "\"\"\"Says so.\"\"\"\n",
		`Says "so"`:       "\"\"\"Says \"so\" \"\"\"\n",
		`A \ and """.`:    "\"\"\"A \\\\ and \\\"\\\"\\\".\"\"\"\n",
		"First.\n\nMore.": "\"\"\"First.\n\nMore.\n\"\"\"\n",
	} {
		if got := docstring("", doc); got != want {
			t.Errorf("docstring(%q) = %q, want %q", doc, got, want)
		}
	}
}
