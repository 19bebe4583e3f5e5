package compat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// bufExceptions are breaks that buf reports and we don't, by its rule and the change, with the reason; the change is
// empty where the reason holds for the rule.
var bufExceptions = map[[2]string]string{
	{"ENUM_VALUE_SAME_NAME", "a value gets another name, and keeps that in JSON"}: sameJSON,
	{"FIELD_SAME_NAME", "a name changes, the JSON name stays"}:                    sameJSON,
	{"FIELD_SAME_JSON_NAME", "the JSON name is said as it was"}:                   "in our JSON a field that says nothing has its own name, not that in camel case",
	{"ENUM_VALUE_SAME_NAME", "an alias is removed"}:                               "of a number with several names only the first is written, and that one is still there",

	{"FIELD_SAME_DEFAULT", "a default of proto2 is added"}:                    absent,
	{"FIELD_SAME_DEFAULT", "the first value of proto2, its default, changes"}: absent,

	{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "an enum gets another name"}:                    sameContent,
	{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "a message for another with the same fields"}:   sameContent,
	{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "a message moves to another package"}:           sameContent,
	{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "a message moves into another"}:                 sameContent,
	{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "a message moves out of another"}:               sameContent,
	{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "a message that a field has gets another name"}: sameContent,
	{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "a type grows and a rule bounds it as before"}:  "the rule keeps every value in what the smaller type holds",
	{"FILE_SAME_PACKAGE", "the package gets another name"}:                              "no record says its package, and it is the one message on both sides",

	{"FIELD_SAME_ONEOF", "a field moves into a oneof of its own"}:           alone,
	{"FIELD_SAME_ONEOF", "an optional field moves into a oneof of its own"}: alone,
	{"FIELD_SAME_ONEOF", "a field joins a new oneof with a new field"}:      alone,
	{"FIELD_SAME_ONEOF", "the only field leaves a oneof"}:                   alone,
	{"FIELD_SAME_ONEOF", "a oneof gets another name"}:                       "the same fields exclude each other",

	{"FIELD_SAME_NAME", "an extension gets another name"}: "JSON has no extensions, and the binary form no names",

	{"MESSAGE_SAME_JSON_FORMAT", "JSON by best effort"}:         ownJSON,
	{"ENUM_SAME_JSON_FORMAT", "JSON of an enum by best effort"}: ownJSON,

	{"RPC_SAME_CLIENT_STREAMING", ""}:  noServices,
	{"RPC_SAME_IDEMPOTENCY_LEVEL", ""}: noServices,
	{"RPC_SAME_REQUEST_TYPE", ""}:      noServices,
	{"RPC_SAME_RESPONSE_TYPE", ""}:     noServices,
	{"RPC_SAME_SERVER_STREAMING", ""}:  noServices,
}

// Reasons that several exceptions have.
const (
	sameJSON    = "its name in JSON stays, and the binary form has none"
	absent      = "absent is told from every value, and meant none before"
	sameContent = "no record says the name of a type: what counts is what is in it, which is the same, or judged by itself"
	alone       = "there is no other field on both sides that could be set with it"
	ownJSON     = "our JSON is written and read by generated code, which does not ask for it"
	noServices  = "events travel without services"
)

// TestBuf holds that no break of the protobuf changes in the table is missed that `buf breaking` reports by its category
// WIRE_JSON, but for the exceptions, and that every rule of that category has a change that breaks it.
func TestBuf(t *testing.T) {
	t.Parallel()
	if os.Getenv("TRESTLE_REAL") == "off" {
		t.Skip("buf: TRESTLE_REAL=off")
	}
	var all []change
	for _, c := range changes(t) {
		if strings.HasPrefix(c.group, "protobuf") {
			all = append(all, c)
		}
	}
	reported := bufBreaking(t, all)
	used, broken := map[[2]string]bool{}, map[string]bool{}
	for i, c := range all {
		ours := compare(t, loadFiles(t, c.old), loadFiles(t, c.new), compat.Options{NoWitness: true})
		for _, rule := range reported[i] {
			broken[rule] = true
			if len(ours.Findings) > 0 {
				continue
			}
			key := [2]string{rule, c.name}
			if bufExceptions[key] == "" {
				key[1] = ""
			}
			if used[key] = true; bufExceptions[key] == "" {
				t.Errorf("%s/%s: buf reports %s, and we nothing", c.group, c.name, rule)
			}
		}
	}
	for key := range bufExceptions {
		if !used[key] {
			t.Errorf("exception %v is not needed", key)
		}
	}
	for _, rule := range bufRules(t) {
		if !broken[rule] {
			t.Errorf("no change in the table breaks buf's rule %s", rule)
		}
	}
}

// bufBreaking runs buf once over all changes, each in a package of its own, and returns the rules that each one breaks.
func bufBreaking(t *testing.T, all []change) [][]string {
	t.Helper()
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		write := func(path string, text []byte) {
			path = filepath.Join(dir, filepath.FromSlash(path))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		for n, c := range all {
			for path, text := range [2]map[string][]byte{c.old, c.new}[i] {
				write(fmt.Sprintf("c%d/%s", n, path), inPackage(fmt.Sprintf("c%d", n), text))
			}
		}
		for path, from := range map[string]string{
			"buf/validate/validate.proto": "../.cache/include/protovalidate/buf/validate/validate.proto",
			"trestle/v1/options.proto":    "../schemas/trestle/v1/options.proto",
		} {
			buf(t, "--version") // it fetches what is included
			text, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			write(path, text)
		}
	}
	out, code := buf(t, "breaking", dirs[1], "--against", dirs[0], "--error-format", "json",
		"--config", `{"version":"v2","breaking":{"use":["WIRE_JSON"]}}`)
	if code != 100 {
		t.Fatalf("buf breaking: exit status %d, want 100:\n%.2000s", code, out)
	}
	rules := make([][]string, len(all))
	for line := range bytes.Lines(out) {
		var found struct{ Path, Type string }
		if err := json.Unmarshal(line, &found); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		at := changeFolder.FindStringSubmatch(filepath.ToSlash(found.Path))
		if at == nil {
			t.Fatalf("no change is known by the path: %s", line)
		}
		n, err := strconv.Atoi(at[1])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(rules[n], found.Type) {
			rules[n] = append(rules[n], found.Type)
		}
	}
	return rules
}

var (
	changeFolder = regexp.MustCompile(`/c([0-9]+)/`)
	packageLine  = regexp.MustCompile(`(?m)^package `)
	ownImport    = regexp.MustCompile(`(?m)^import (public )?"shop/`)
)

// inPackage puts a file into a package of which its own is a part.
func inPackage(name string, text []byte) []byte {
	text = packageLine.ReplaceAll(text, []byte("package "+name+"."))
	return ownImport.ReplaceAll(text, []byte(`import $1"`+name+`/shop/`))
}

// bufRules lists the rules of category WIRE_JSON.
func bufRules(t *testing.T) []string {
	t.Helper()
	out, _ := buf(t, "config", "ls-breaking-rules", "--version", "v2", "--format", "json")
	var rules []string
	for line := range bytes.Lines(out) {
		var rule struct {
			ID         string
			Categories []string
		}
		if err := json.Unmarshal(line, &rule); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if slices.Contains(rule.Categories, "WIRE_JSON") {
			rules = append(rules, rule.ID)
		}
	}
	return rules
}

// buf runs the pinned buf and returns its output and exit status; the test is skipped where it can't be had.
func buf(t *testing.T, args ...string) ([]byte, int) {
	t.Helper()
	script, err := filepath.Abs("../tools/dev/buf")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(script, "--version").CombinedOutput(); err != nil {
		services.Missing(t, "buf", fmt.Sprintf("%v: %s", err, out))
	}
	cmd := exec.Command(script, args...)
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if out.Len() == 0 {
			return faults.Bytes(), exit.ExitCode()
		}
		return out.Bytes(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), 0
}
