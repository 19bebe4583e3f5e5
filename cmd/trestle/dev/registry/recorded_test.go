package registry_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// posted are the bodies of requests whose answers of Confluent's registry are recorded, and what is done before them. Left out is what the dev registry does
// otherwise: it tells the id and the version of what was registered, not the schema again, and is always READWRITE.
var posted = map[string]struct {
	body   string
	before []string // further requests: method, path and body
}{
	"subjects":                        {},
	"versions":                        {},
	"versions of no subject":          {},
	"newest":                          {},
	"version":                         {},
	"newest with references":          {},
	"no such subject":                 {},
	"no such version":                 {},
	"version that was deleted":        {},
	"subject that was deleted":        {},
	"found":                           {body: `{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; message Paid {}"}`},
	"not found":                       {body: `{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; message Other {}"}`},
	"own level":                       {before: []string{`PUT /config/orders-value {"compatibility":"BACKWARD"}`}},
	"no own level":                    {},
	"level of the registry":           {},
	"level is set":                    {body: `{"compatibility":"FULL"}`},
	"checked after it vanished":       {body: `{"schemaType":"JSON","schema":"{\"title\":\"next\"}"}`, before: []string{"DELETE /subjects/orders-value "}},
	"compatible":                      {body: `{"schemaType":"JSON","schema":"{\"title\":\"next\"}"}`},
	"incompatible":                    {body: `{"schemaType":"JSON","schema":"{\"title\":\"breaking\"}"}`},
	"no schema to check":              {body: `{"schemaType":"JSON","schema":"{\"title\":\"invalid\"}"}`},
	"refused as incompatible":         {body: `{"schemaType":"JSON","schema":"{\"title\":\"breaking\"}"}`},
	"refused as no schema":            {body: `{"schemaType":"JSON","schema":"{\"title\":\"invalid\"}"}`},
	"refused for a missing reference": {body: `{"schemaType":"JSON","schema":"{}","references":[{"name":"x.json","subject":"x","version":1}]}`},
	"no such path":                    {},
	"no schema by that id":            {},
	"version is deleted":              {},
	"version is referred to":          {},
	"subject is deleted":              {},
	"subject was deleted before":      {},
	"subject is to be deleted first":  {},
	"mode":                            {},
	"no own mode":                     {},
}

// TestAnswersOfConfluents asks what Confluent's registry is known to have answered: the status, the code and the members of answers are the same.
func TestAnswersOfConfluents(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../runtime/registry/testdata/answers/confluent.json")
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Answers []struct {
			Case, Method, Path, Query string
			Status                    int
			Body                      json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	compared := map[string]bool{}
	for _, a := range record.Answers {
		how, ok := posted[a.Case]
		if !ok || compared[a.Case] {
			continue
		}
		compared[a.Case] = true
		t.Run(a.Case, func(t *testing.T) {
			t.Parallel()
			_, url, _ := start(t, "")
			ask := func(method, path, body string) (int, []byte) {
				r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				said, err := io.ReadAll(answer.Body)
				if err != nil {
					t.Fatal(err)
				}
				return answer.StatusCode, said
			}
			for _, step := range append([]string{
				`PUT /config {"compatibility":"BACKWARD"}`,
				`POST /subjects/money/versions {"schemaType":"JSON","schema":"{\"type\":\"integer\"}"}`,
				`POST /subjects/orders-value/versions {"schemaType":"JSON","schema":"{\"title\":\"first\"}"}`,
				`POST /subjects/orders-value/versions {"schemaType":"JSON","schema":"{\"title\":\"second\"}"}`,
				`POST /subjects/orders-value/versions {"schemaType":"JSON","schema":"{\"title\":\"third\"}"}`,
				`DELETE /subjects/orders-value/versions/3 `,
				`POST /subjects/invoices-value/versions {"schemaType":"JSON","schema":"{\"$ref\":\"money.json\"}","references":[{"name":"money.json","subject":"money","version":1}]}`,
				`POST /subjects/payments-value/versions {"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; message Paid {}"}`,
				`POST /subjects/gone/versions {"schemaType":"JSON","schema":"{\"title\":\"gone\"}"}`,
				`DELETE /subjects/gone `,
			}, how.before...) {
				parts := strings.SplitN(step, " ", 3)
				if status, said := ask(parts[0], parts[1], parts[2]); status != http.StatusOK {
					t.Fatalf("%s: %d %s", step, status, said)
				}
			}
			query := a.Query
			if strings.HasPrefix(a.Path, "/compatibility") {
				query = "verbose=true"
			}
			status, said := ask(a.Method, a.Path+"?"+query, how.body)
			if status != a.Status {
				t.Errorf("status %d, want %d: %s", status, a.Status, said)
			}
			var got, want any
			if err := json.Unmarshal(said, &got); err != nil {
				t.Fatalf("%s: %v", said, err)
			}
			if err := json.Unmarshal(a.Body, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(shape(want), shape(got)); diff != "" {
				t.Errorf("(-Confluent's +ours):\n%s", diff)
			}
		})
	}
	if len(compared) != len(posted) {
		t.Errorf("%d cases are compared, of %d", len(compared), len(posted))
	}
}

// shape is what must be the same of two answers: the code of an error; which members there are, but for those of newer versions; of what kind the rest is.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if code, ok := v["error_code"]; ok {
			return code
		}
		out := map[string]any{}
		for name, value := range v {
			switch name {
			case "guid", "ts", "deleted": // since 7.4 and later
			default:
				out[name] = shape(value)
			}
		}
		return out
	case []any:
		return "a list"
	case string:
		return "text"
	case float64:
		return "a number"
	}
	return v
}
