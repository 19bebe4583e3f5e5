package lint

import "testing"

func TestToSnake(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"userId": "user_id", "HTTPStatus-code": "http_status_code", "UserID2": "user_id2", "_x__y": "x_y", "IP": "ip",
	} {
		if got := toSnake(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
		if !snakeCase.MatchString(want) {
			t.Errorf("%s is offered, and is not snake case itself", want)
		}
	}
}

func TestRouteMatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		prefix, eventType string
		want              bool
	}{
		{"", "order.placed", true},
		{"order", "order.placed", true},
		{"order", "order", true},
		{"order", "orders.placed", false},
		{"order.placed", "order", false},
	}
	for _, tt := range tests {
		if got := routeMatches(tt.prefix, tt.eventType); got != tt.want {
			t.Errorf("prefix %q takes %q: %v, want %v", tt.prefix, tt.eventType, got, tt.want)
		}
	}
}
