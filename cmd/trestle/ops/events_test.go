package ops

import (
	"strings"
	"testing"
)

func TestEventTypesByName(t *testing.T) {
	t.Parallel()
	types := EventTypes{
		{Type: "OrderPlaced", FullName: "shop.v1.OrderPlaced"},
		{Type: "OrderPlaced", FullName: "shop.v2.OrderPlaced"},
		{Type: "OrderPaid", FullName: "shop.v1.OrderPaid"},
		{Type: "door.opened", FullName: "shop.doors.v1.DoorOpened"},
		{Type: "service.lifecycle.started", FullName: "omninode.hooks.v1.ServiceStarted"},
		{Type: "service.lifecycle.stopped", FullName: "omninode.hooks.v1.ServiceStopped"},
	}
	tests := map[string]struct{ want, err string }{
		"OrderPaid":               {want: "shop.v1.OrderPaid"},
		"shop.v2.OrderPlaced":     {want: "shop.v2.OrderPlaced"},
		"CodegenPatternRequest":   {err: "`trestle validate --list` lists them"},
		"OrderPlaced":             {err: "name one of shop.v1.OrderPlaced and shop.v2.OrderPlaced"},
		"orderpaid":               {err: "did you mean OrderPaid?"},
		"OrdrPaid":                {err: "did you mean OrderPaid?"},
		"opened":                  {err: "did you mean door.opened?"},
		"service.lifecycle.start": {err: "did you mean service.lifecycle.started or service.lifecycle.stopped?"},
		"Wombat":                  {err: "`trestle validate --list` lists them"},
		"":                        {err: "`trestle validate --list` lists them"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info, err := types.Named(name)
			switch {
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got error %v, want %q in it", err, tt.err)
			case tt.err == "" && (err != nil || info.FullName != tt.want):
				t.Errorf("got %v, %v, want %s", info, err, tt.want)
			}
		})
	}
}

func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ac", 1},
		{"abc", "xabc", 1}, {"kitten", "sitting", 3},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
