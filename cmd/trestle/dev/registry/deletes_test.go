package registry_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	server "github.com/omninode/trestle/cmd/trestle/dev/registry"
)

// TestDeletes does one step after the other, as Confluent's API has it: softly first, for good then.
func TestDeletes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry")
	s, err := server.NewServer(path, &breaking{}, server.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	h := &handler{s}
	h.register(t, "base", `{"title":"base"}`)
	h.register(t, "orders", `{"title":"1"}`, server.Reference{Name: "base.json", Subject: "base", Version: 1})
	h.register(t, "orders", `{"title":"2"}`)
	h.register(t, "copy", `{"title":"2"}`)
	h.register(t, "orders", `{"title":"3"}`)
	for i, c := range []struct{ method, at, want string }{
		// What others refer to stays.
		{"DELETE", "/subjects/base", `"error_code":42206,"message":"version 1 of subject \"base\" is referred to by version 1 of subject \"orders\""`},
		{"DELETE", "/subjects/base/versions/1", `42206`},
		{"GET", "/subjects/base/versions/1/referencedby", `[2]`},
		// Nothing goes for good at once.
		{"DELETE", "/subjects/orders?permanent=true", `40405`},
		{"DELETE", "/subjects/orders/versions/2?permanent=true", `40407`},
		{"DELETE", "/subjects/none", `40401`},
		{"DELETE", "/subjects/orders/versions/9", `40402`},
		{"GET", "/subjects/orders/versions", `[1,2,3]`},

		// A version.
		{"DELETE", "/subjects/orders/versions/2", `2`},
		{"DELETE", "/subjects/orders/versions/2", `40406`},
		{"GET", "/subjects/orders/versions", `[1,3]`},
		{"GET", "/subjects/orders/versions?deleted=true", `[1,2,3]`},
		{"GET", "/subjects/orders/versions?deletedOnly=true", `[2]`},
		{"GET", "/subjects/orders/versions/2", `40402`},
		{"GET", "/subjects/orders/versions/2?deleted=true", `"version":2,"id":3`},
		{"GET", "/schemas/ids/3", `{"schemaType":"JSON","schema":"{\"title\":\"2\"}",`},
		{"GET", "/schemas/ids/3/versions", `[{"subject":"copy","version":1}]`},
		{"GET", "/schemas/ids/3/subjects?deleted=true", `["copy","orders"]`},
		{"POST /lookup", "/subjects/orders", `40403`},
		{"POST /lookup", "/subjects/orders?deleted=true", `"version":2`},
		{"DELETE", "/subjects/orders/versions/latest", `3`},
		{"GET", "/subjects/orders/versions/latest", `"version":1`},
		{"DELETE", "/subjects/orders/versions/2?permanent=true", `2`},
		{"GET", "/subjects/orders/versions/2?deleted=true", `40402`},
		{"GET", "/schemas/ids/3", `"schema"`}, // it is copy's too

		// The same schema again is a new version with its old id.
		{"POST", "/subjects/orders/versions", `{"id":3,`},
		{"GET", "/subjects/orders/versions?deleted=true", `[1,3,4]`},

		// A subject, with its level.
		{"PUT", "/config/orders", `NONE`},
		{"DELETE", "/subjects/orders", `[1,4]`},
		{"DELETE", "/subjects/orders", `40404`},
		{"GET", "/config/orders", `40408`},
		{"GET", "/subjects", `["base","copy"]`},
		{"GET", "/subjects?deleted=true", `["base","copy","orders"]`},
		{"GET", "/subjects?deletedOnly=true", `["orders"]`},
		{"GET", "/subjects/orders/versions", `40401`},
		{"GET", "/subjects/orders/versions/latest", `40401`},
		{"GET", "/schemas?subjectPrefix=orders", `[]`},
		{"GET", "/schemas?subjectPrefix=orders&deleted=true&latestOnly=true", `"version":4`},
		{"GET", "/schemas/ids/2", `"references":[{"name":"base.json","subject":"base","version":1}]`}, // what was written with it is still read
		{"DELETE", "/subjects/base", `[1]`},                                                           // nobody refers to it any more
		{"GET", "/schemas/ids/1", `"schema"`},
		{"DELETE", "/subjects/orders?permanent=true", `[1,3,4]`},
		{"DELETE", "/subjects/orders?permanent=true", `40401`},
		{"GET", "/schemas/ids/2", `40403`},
		{"GET", "/schemas/ids/4", `40403`},
		{"restart", "", ""},
		{"GET", "/schemas/ids/4", `40403`},
		{"GET", "/subjects?deleted=true", `["base","copy"]`},
		{"POST", "/subjects/orders/versions", `{"id":3,`},
		{"POST /new", "/subjects/orders/versions", `{"id":5,`}, // 4 was somebody's
		{"GET", "/subjects/orders/versions", `[1,2]`},
	} {
		body := ""
		switch c.method {
		case "restart":
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = server.NewServer(path, &breaking{}, server.Limits{}); err != nil {
				t.Fatal(err)
			}
			h = &handler{s}
			continue
		case "POST", "POST /lookup":
			body = schema(`{"title":"2"}`)
		case "POST /new":
			body = schema(`{"title":"new"}`)
		case "PUT":
			body = `{"compatibility":"NONE"}`
		}
		method, _, _ := strings.Cut(c.method, " ")
		got := h.ask(method, c.at, body)
		exact := strings.HasPrefix(c.want, "[") || len(c.want) == 1
		if exact && got != c.want || !strings.Contains(got, c.want) {
			t.Errorf("step %d: %s %s: %s, want %s", i, method, c.at, got, c.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(h.ask("POST", "/subjects/late/versions", schema(`{}`))); !strings.Contains(got, "50001") {
		t.Errorf("a change after the end: %s", got)
	}
}
