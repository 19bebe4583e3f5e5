package compat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
)

// TestSourceFilesHaveEvents: a schema that the model does not hold all of is judged by its source, and its event, topic and
// key by the rules about them.
func TestSourceFilesHaveEvents(t *testing.T) {
	t.Parallel()
	event := func(key, more string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","x-trestle":{"family":{"envelope":"none"},
			"event":{"type":"a","topic":"shop_a_v1","key":["` + key + `"],"role":"event"}},
			"type":"object","properties":{"id":{"type":"string"},"other":{"type":"string"}},"required":["id","other"]` + more + `}`
	}
	const not = `,"not":{"properties":{"id":{"const":"x"}}}`
	for name, tt := range map[string]struct {
		old, new string
		want     []string
	}{
		"nothing changes":      {event("id", not), event("id", not), nil},
		"a keyword is added":   {event("id", ""), event("id", not), []string{"DOCUMENT_NOT_READ [a]"}},
		"a keyword is removed": {event("id", not), event("id", ""), []string{"DOCUMENT_NOT_READ [a]"}},
		"the key changes":      {event("id", not), event("other", not), []string{"EVENT_KEY_CHANGED [a]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, loadText(t, tt.old), loadText(t, tt.new), compat.Options{})
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s [%s]", f.Rule, strings.Join(f.Events, " ")))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
