package ops

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/wire"
)

const tracedSession = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

// longSession stores a session of n events of 2 KB each, and returns an environment with it.
func longSession(t *testing.T, n int) (*Project, Environment) {
	t.Helper()
	address := "sqlite:" + filepath.Join(t.TempDir(), "trace.db")
	traces, err := store.OpenTraces(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer traces.Close()
	payload := jsonio.Raw(`{"message":"` + strings.Repeat("x", 2000) + `"}`)
	for from := 0; from < n; from += 1000 {
		var events []eventtrace.Event
		for i := from; i < min(n, from+1000); i++ {
			at := time.UnixMilli(1_760_000_000_000 + int64(i))
			events = append(events, eventtrace.Event{
				Topic: "status", Partition: int32(i % 3), Offset: int64(i / 3), EventID: wire.RecordID("status", 0, int64(i)),
				SessionID: tracedSession, EventType: "T", Timestamp: at, LogTime: at, Payload: payload,
			})
		}
		if _, err := traces.Append(t.Context(), events, nil); err != nil {
			t.Fatal(err)
		}
	}
	project := At(t.TempDir())
	env, err := project.Environment(Addresses{Store: address})
	if err != nil {
		t.Fatal(err)
	}
	return project, env
}

// TestTraceMemoryIsFlat says that a session of many events takes no more memory than one of a few: what lives while it is shown.
func TestTraceMemoryIsFlat(t *testing.T) {
	most := func(n int) uint64 {
		project, env := longSession(t, n)
		var highest uint64
		shown := 0
		err := TraceSession(t.Context(), project, env, tracedSession, TraceOptions{Reveal: true}, func(Traced) error {
			if shown++; shown%500 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				highest = max(highest, m.HeapAlloc)
			}
			return nil
		})
		if err != nil || shown != n {
			t.Fatalf("%d of %d events shown, error %v", shown, n, err)
		}
		return highest
	}
	few, many := most(5_000), most(20_000) // 10 MB, 40 MB
	if many > few+5<<20 {
		t.Errorf("%d MiB live with 20,000 events, %d MiB with 5,000", many>>20, few>>20)
	}
}

func TestTraceCount(t *testing.T) {
	t.Parallel()
	project, env := longSession(t, 250)
	for count, want := range map[int]string{
		0:   "250 from 1760000000000, 0 earlier",
		1:   "1 from 1760000000249, 249 earlier",
		100: "100 from 1760000000150, 150 earlier",
		250: "250 from 1760000000000, 0 earlier",
		251: "250 from 1760000000000, 0 earlier",
	} {
		var first, earlier int64
		shown := 0
		err := TraceSession(t.Context(), project, env, tracedSession, TraceOptions{Reveal: true, Count: count, Earlier: func(n int64) { earlier = n }}, func(e Traced) error {
			if shown++; shown == 1 {
				first = e.Timestamp.UnixMilli()
			}
			return nil
		})
		if got := fmt.Sprintf("%d from %d, %d earlier", shown, first, earlier); err != nil || got != want {
			t.Errorf("-n %d: %s, error %v; want %s", count, got, err, want)
		}
	}
	if err := TraceSession(t.Context(), project, env, tracedSession, TraceOptions{Count: -1}, nil); err == nil {
		t.Error("-n -1 is no error")
	}
}

func TestFindTracedNewestFirst(t *testing.T) {
	t.Parallel()
	project, env := longSession(t, 250)
	for _, test := range []struct {
		f    TraceFilter
		n    int
		want string
	}{
		{TraceFilter{}, 3, "249 248 247 more"},
		{TraceFilter{EventType: "T", To: "2025-10-09T08:53:20.003Z"}, 3, "2 1 0"},
		{TraceFilter{Topic: "status", From: "2025-10-09T08:53:20.248Z"}, 0, "249 248"},
		{TraceFilter{Session: tracedSession, Where: "offset == 10 && partition == 2"}, 0, "32"},
		{TraceFilter{Where: "message=x"}, 0, ""},
		{TraceFilter{Text: "not there"}, 0, ""},
	} {
		var got []string
		more, err := FindTraced(t.Context(), project, env, test.f, TraceOptions{Reveal: true, Count: test.n}, func(e Traced) error {
			got = append(got, fmt.Sprint(e.Timestamp.UnixMilli()-1_760_000_000_000))
			return nil
		})
		if more {
			got = append(got, "more")
		}
		if text := strings.Join(got, " "); err != nil || text != test.want {
			t.Errorf("%+v: %q, error %v; want %q", test.f, text, err, test.want)
		}
	}
}

func TestHasField(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"a":{"b":"c"},"n":1.50,"none":null,"text":"null","yes":true}`)
	for path, want := range map[string]bool{
		"a.b=c": true, "a.b=d": false, "a=c": false, "a.b.c=c": false, "n=1.50": true, "n=1.5": false, "none=null": true, "text=null": true, "yes=true": true, "no=": false,
	} {
		parts := fieldIs.FindStringSubmatch(path)
		if parts == nil || hasField(payload, strings.Split(parts[1], "."), parts[2]) != want {
			t.Errorf("%s: %v, want %t", path, parts, want)
		}
	}
	for _, expression := range []string{"a == b", "a==b", "a.b>=c", "f(x) == 1", "a != 1"} {
		if fieldIs.MatchString(expression) {
			t.Errorf("%s is no FIELD=VALUE", expression)
		}
	}
}

// TestTraceFollows stores events while they are followed: each is shown once, whether it was there before or came meanwhile.
func TestTraceFollows(t *testing.T) {
	t.Parallel()
	project, env := longSession(t, 3)
	traces, err := store.OpenTraces(t.Context(), env.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer traces.Close()
	if _, err := traces.Append(t.Context(), nil, eventtrace.Progress{"status": {0: 1, 1: 1, 2: 1}}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		follow func(ctx context.Context, show func(Traced) error) error
		want   int // before it is told to end
	}{
		"a session": {func(ctx context.Context, show func(Traced) error) error {
			return TraceSession(ctx, project, env, tracedSession, TraceOptions{Reveal: true, Follow: true}, show)
		}, 5},
		"what is found": {func(ctx context.Context, show func(Traced) error) error {
			_, err := FindTraced(ctx, project, env, TraceFilter{Session: tracedSession, Where: "message=wanted"}, TraceOptions{Reveal: true, Follow: true, Count: 20}, show)
			return err
		}, 1},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		shown, stored := make(chan Traced, 100), make(chan error, 1)
		go func() {
			stored <- test.follow(ctx, func(e Traced) error {
				shown <- e
				return nil
			})
		}()
		seen := map[int64]int{}
		take := func() {
			select {
			case e := <-shown:
				seen[e.Offset]++
			case err := <-stored:
				t.Fatalf("%s: it ended by itself: %v", name, err)
			}
		}
		topic := strings.ReplaceAll(name, " ", "-")
		if test.want == 5 {
			for range 3 {
				take()
			}
		}
		// What is found is only what comes after the first look, which nothing tells of: there is more until one is seen.
		for offset := int64(10); ; offset += 2 {
			var events []eventtrace.Event
			for i, message := range []string{"wanted", "other"} {
				at := time.UnixMilli(1_600_000_000_000)
				events = append(events, eventtrace.Event{
					Topic: topic, Offset: offset + int64(i), EventID: wire.RecordID(topic, 0, offset+int64(i)), SessionID: tracedSession, EventType: "T",
					Timestamp: at, LogTime: at, Payload: jsonio.Raw(`{"message":"` + message + `"}`),
				})
			}
			if _, err := traces.Append(t.Context(), events, eventtrace.Progress{topic: {0: offset + 2}}); err != nil {
				t.Fatal(err)
			}
			if test.want == 5 {
				take()
				take()
				break
			}
			select {
			case e := <-shown:
				seen[e.Offset]++
			case <-time.After(50 * time.Millisecond):
				continue
			}
			break
		}
		cancel()
		if err := <-stored; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if test.want == 5 && (seen[0] != 3 || seen[10] != 1 || seen[11] != 1) {
			t.Errorf("%s: shown by offset: %v", name, seen)
		}
		for offset, n := range seen {
			if test.want == 1 && (offset%2 == 1 || n != 1) {
				t.Errorf("%s: offset %d shown %d times", name, offset, n)
			}
		}
	}
}
