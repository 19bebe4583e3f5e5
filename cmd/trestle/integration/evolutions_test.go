package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/confluent/evolutions"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestEvolutions has a real registry judge each evolution at each level. Profile confluent, which says what Confluent's
// own checkers say of each (compat/confluent), differs from this one where the table says so, and nowhere else.
func TestEvolutions(t *testing.T) {
	t.Parallel()
	all, err := evolutions.All()
	if err != nil {
		t.Fatal(err)
	}
	address := services.Registry(t) // its own, as others hold the shared one to what they have put there
	ctx := within(t, 10*patience)   // thousands of requests
	same, differ, failed := 0, 0, 0
	for i, e := range all {
		versions := e.Versions()
		for _, mode := range compat.Modes() {
			if (mode.Transitive() || mode == compat.ModeNone) && len(e.Before) == 0 {
				continue // says the same as the level that isn't, or nothing
			}
			subject := fmt.Sprintf("evolution-%d-%s", i, mode)
			for _, text := range versions[:len(versions)-1] {
				if status, answer := send(ctx, t, http.MethodPost, address+"/subjects/"+subject+"/versions", schemaBody(&e, text)); status != http.StatusOK {
					t.Fatalf("%s: register a version: %d %s", e.ID(), status, answer)
				}
			}
			level := string(bytes.ToUpper([]byte(mode)))
			if status, answer := send(ctx, t, http.MethodPut, address+"/config/"+subject, map[string]any{"compatibility": level}); status != http.StatusOK {
				t.Fatalf("%s: set %s: %d %s", subject, level, status, answer)
			}
			status, answer := send(ctx, t, http.MethodPost, address+"/subjects/"+subject+"/versions", schemaBody(&e, versions[len(versions)-1]))
			if e.Schema == noVerdicts && mode != compat.ModeNone {
				if status == http.StatusOK || status == http.StatusConflict {
					t.Errorf("%s, %s: this registry judges %s by now: %d %s", e.ID(), mode, noVerdicts, status, answer)
				}
				failed++
				continue
			}
			if status != http.StatusOK && status != http.StatusConflict {
				t.Fatalf("%s, %s: %d %s", e.ID(), mode, status, answer)
			}
			got, want := status == http.StatusOK, len(e.Differences(string(mode))) == 0
			stated, other := e.Apicurio[string(mode)]
			switch {
			case other && (got != stated || e.Case == ""):
				t.Errorf("%s, %s: accepted %t; the table says %t of this registry, by case %q: %s", e.ID(), mode, got, stated, e.Case, answer)
			case !other && got != want:
				t.Errorf("%s, %s: accepted %t, while Confluent's says %t (%v): %s", e.ID(), mode, got, want, e.Differences(string(mode)), answer)
			case got == want:
				same++
			default:
				differ++
			}
		}
	}
	t.Logf("%d evolutions: %d verdicts are Confluent's, %d are this registry's own, and %d it fails to give", len(all), same, differ, failed)
}

// noVerdicts is the dialect in which Apicurio takes schemas, but fails to compare them: "could not determine version".
const noVerdicts = "2020-12"

func schemaBody(e *evolutions.Evolution, text string) map[string]any {
	language := "JSON"
	if e.IsProtobuf() {
		language = "PROTOBUF"
	}
	return map[string]any{"schemaType": language, "schema": text}
}

// send sends JSON to the registry, without the client that is tested elsewhere.
func send(ctx context.Context, t *testing.T, method, url string, body any) (int, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}
