package golang_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/load"
)

// TestRefuseNamesOfConversations holds errors about names that the callers and handlers of requests would collide with.
func TestRefuseNamesOfConversations(t *testing.T) {
	t.Parallel()
	const request = `
message %s {
  option (trestle.v1.event) = {topic: "asks" role: ROLE_REQUEST reply: "Told"};
}`
	tests := map[string]struct {
		more string
		want []string
	}{
		"a message named as the callers": {"message Calls {}", []string{"acme/v1/a.proto:", "acme.v1.Calls", "rename it"}},
		"an enum named as the handlers":  {"enum Answers { A = 0; }", []string{"acme/v1/a.proto:", "acme.v1.Answers", "rename it"}},
		"two requests of one name":       {strings.Replace(request, "%s", "AskRequest", 1), []string{"acme/v1/a.proto:", "AskRequest: its calls would be named Ask, as are those of Ask"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := `syntax = "proto3";
package acme.v1;
import "trestle/v1/options.proto";
message Told {
  option (trestle.v1.event) = {topic: "told" role: ROLE_RESPONSE};
}` + strings.Replace(request, "%s", "Ask", 1) + "\n" + tt.more + "\n"
			set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"acme/v1/a.proto": []byte(text)}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = golang.Generate(set)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
