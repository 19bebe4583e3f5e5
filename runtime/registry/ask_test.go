package registry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.String() {
		case "GET /keys/a%2Fb?deleted=true":
			_, _ = w.Write([]byte(`{"name":"a/b"}`))
		case "POST /keys":
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"error_code":40971,"message":"there is one"}`))
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error_code":40470,"message":"no such key"}`))
		}
	}))
	t.Cleanup(server.Close)
	client, err := New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Name string }
	err = client.Ask(t.Context(), http.MethodGet, "/keys/"+url.PathEscape("a/b"), url.Values{"deleted": {"true"}}, nil, &got)
	if err != nil || got.Name != "a/b" {
		t.Errorf("%+v: %v", got, err)
	}
	err = client.Ask(t.Context(), http.MethodPost, "/keys", nil, map[string]string{"name": "a"}, &got)
	if answer, ok := errors.AsType[*sr.ResponseError](err); !ok || answer.StatusCode != http.StatusConflict || errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err = client.Ask(t.Context(), http.MethodGet, "/keys/c", nil, nil, &got); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
