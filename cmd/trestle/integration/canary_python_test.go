package integration_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/trestletest/services"
	generator "github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/load"
)

// TestCanariesInPython has generated Python read, make, change and write events, valid ones and others, and searches what a program would write of them, and of
// the errors.
func TestCanariesInPython(t *testing.T) {
	t.Parallel()
	interpreter := services.Python(t)
	set, err := load.Schemas(t.Context(), load.Dir(secretSchemas))
	if err != nil {
		t.Fatal(err)
	}
	files, err := generator.Generate(set)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	eachCanaryRound(t, func(t *testing.T, c *canaries) {
		var asked bytes.Buffer
		var payloads []string
		ask := func(e secretEvent, payload string) {
			headers := [][2]string{{"event-type", base64.StdEncoding.EncodeToString([]byte(e.eventType))}}
			line, err := json.Marshal(map[string]any{
				"type": e.eventType, "topic": e.topic, "payload": payload, "value": base64.StdEncoding.EncodeToString([]byte(e.enveloped(payload))), "headers": headers,
			})
			if err != nil {
				t.Fatal(err)
			}
			asked.Write(append(line, '\n'))
			payloads = append(payloads, payload)
		}
		types := 0
		for _, e := range secretEvents {
			if secretInfos()[e.eventType].Encoding != event.JSON {
				continue // which Python does not have
			}
			types++
			for range 20 {
				ask(e, e.payload(c, ""))
			}
			for _, payload := range e.wrong(c) {
				ask(e, payload)
			}
		}
		cmd := exec.CommandContext(within(t, patience), interpreter, "testdata/canaries.py", "acme_events")
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+filepath.Join(dir, "python"))
		var failed bytes.Buffer
		cmd.Stdin, cmd.Stderr = &asked, &failed
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v:\n%s", err, failed.String())
		}
		c.search(t, "what Python writes beside its answers", failed.String())
		answers, done, refused := 0, 0, 0
		lines := bufio.NewScanner(bytes.NewReader(out))
		lines.Buffer(nil, 64<<20)
		var all strings.Builder
		for lines.Scan() {
			var answer struct {
				Said         string
				Done, Failed int
			}
			if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			c.search(t, "Python, of "+payloads[answers], answer.Said)
			answers, done, refused = answers+1, done+answer.Done, refused+answer.Failed
			all.WriteString(answer.Said)
		}
		if answers != len(payloads) || types != 2 || done < 1000 || refused < 1000 || !strings.Contains(all.String(), "AccountOpened(") || !strings.Contains(all.String(), "ValidationError") {
			t.Errorf("%d answers to %d questions about %d types, %d attempts succeeded, %d failed: too few to say anything", answers, len(payloads), types, done, refused)
		}
		// And what a payload holds is found where it is written as it is.
		if _, _, found := c.find(payloads[0]); !found {
			t.Error("nothing is found in a payload")
		}
	})
}
