package services

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services/internal/artefact"
)

// fakeTB records how a test ends.
type fakeTB struct {
	testing.TB
	name     string
	outcome  string
	said     string
	cleanups []func()
}

type ended struct{}

func (f *fakeTB) Helper()           {}
func (f *fakeTB) Name() string      { return f.name }
func (f *fakeTB) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }

func (f *fakeTB) Logf(format string, args ...any)   { f.said += fmt.Sprintf(format, args...) + "\n" }
func (f *fakeTB) Error(args ...any)                 { f.outcome = "failed"; f.said += fmt.Sprintln(args...) }
func (f *fakeTB) Errorf(format string, args ...any) { f.Error(fmt.Sprintf(format, args...)) }
func (f *fakeTB) FailNow()                          { f.outcome = "ended"; panic(ended{}) }

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.FailNow()
}

func (f *fakeTB) Skipf(format string, args ...any) {
	f.Logf(format, args...)
	f.outcome = "skipped"
	panic(ended{})
}

// run calls fn as the test of f, up to where it ends the test.
func (f *fakeTB) run(fn func()) {
	defer func() {
		if r := recover(); r != nil && r != (ended{}) {
			panic(r)
		}
	}()
	fn()
}

func TestObtain(t *testing.T) {
	missing := &artefact.MissingError{What: "Apache Kafka", Err: errors.New("mvn is not\non PATH")}
	broken := &serverError{"Kafka node 1", "disk is full", errors.New("Kafka node 1 ended")}
	tests := []struct {
		name     string
		ci, real string
		err      error
		outcome  string
		said     string
		recorded string
	}{
		{name: "there"},
		{name: "there, CI", ci: "true"},
		{
			name: "missing", err: missing, outcome: "skipped",
			said:     "Kafka: Apache Kafka cannot be had: mvn is not on PATH",
			recorded: "TestOrders/late: Kafka: Apache Kafka cannot be had: mvn is not on PATH\n",
		},
		{name: "missing, CI", ci: "true", err: missing, outcome: "ended", said: "CI=true"},
		{
			name: "off, CI", ci: "true", real: "off", outcome: "skipped", said: "TRESTLE_REAL=off",
			recorded: "TestOrders/late: Kafka: TRESTLE_REAL=off\n",
		},
		{name: "broken", err: broken, outcome: "ended", said: "disk is full"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			record := filepath.Join(t.TempDir(), "skipped")
			t.Setenv("TRESTLE_SKIPPED", record)
			t.Setenv("CI", test.ci)
			t.Setenv("TRESTLE_REAL", test.real)
			tb := &fakeTB{name: "TestOrders/late"}
			got := 0
			tb.run(func() { got = obtain(tb, "Kafka", func() (int, error) { return 1, test.err }) })
			if tb.outcome != test.outcome || !strings.Contains(tb.said, test.said) {
				t.Errorf("got %q and %q, want %q and %q", tb.outcome, tb.said, test.outcome, test.said)
			}
			if reached := test.outcome == ""; reached != (got == 1) {
				t.Errorf("got value %d", got)
			}
			recorded, err := os.ReadFile(record)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			_, line, _ := strings.Cut(string(recorded), " ") // after the test binary, whose name may be any
			if line != test.recorded {
				t.Errorf("recorded %q, want %q", line, test.recorded)
			}
		})
	}
}

type fakeService struct{ stopped int }

func (s *fakeService) stop() { s.stopped++ }

func TestShared(t *testing.T) {
	var s shared[*fakeService]
	first, second := &fakeTB{}, &fakeTB{}
	started := 0
	start := func() (*fakeService, error) { started++; return &fakeService{}, nil }
	one, err := s.use(first, start)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.use(second, start)
	if err != nil {
		t.Fatal(err)
	}
	if one != two || started != 1 {
		t.Errorf("started %d times, want 1", started)
	}
	setMain(t, false)
	first.cleanups[0]()
	if one.stopped != 0 {
		t.Error("stopped while a test uses it")
	}
	second.cleanups[0]()
	if one.stopped != 1 {
		t.Errorf("stopped %d times after its last user, want 1", one.stopped)
	}

	setMain(t, true)
	third := &fakeTB{}
	again, err := s.use(third, start)
	if err != nil {
		t.Fatal(err)
	}
	third.cleanups[0]()
	if again == one || again.stopped != 0 {
		t.Error("with Main, the service ends with the test")
	}
	s.end()
	if again.stopped != 1 {
		t.Error("not stopped at the end")
	}
}

func TestSharedDoesNotTryAgain(t *testing.T) {
	t.Parallel()
	var s shared[*fakeService]
	tries := 0
	for range 3 {
		_, err := s.use(&fakeTB{}, func() (*fakeService, error) { tries++; return nil, errors.New("no memory") })
		if err == nil {
			t.Fatal("got no error")
		}
	}
	if tries != 1 {
		t.Errorf("tried %d times, want 1", tries)
	}
}

// setMain pretends that Main runs, or not, for the time of the test.
func setMain(t *testing.T, runs bool) {
	set := func(runs bool) (before bool) {
		kept.mu.Lock()
		defer kept.mu.Unlock()
		before, kept.main = kept.main, runs
		return before
	}
	before := set(runs)
	t.Cleanup(func() { set(before) })
}

func TestScratchSweep(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	used, err := newScratch()
	if err != nil {
		t.Fatal(err)
	}
	left, err := newScratch()
	if err != nil {
		t.Fatal(err)
	}
	if err := left.lock.Close(); err != nil { // as if its process had died
		t.Fatal(err)
	}
	sweep()
	if _, err := os.Stat(used.dir); err != nil {
		t.Errorf("a folder in use is gone: %v", err)
	}
	if _, err := os.Stat(left.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder left behind is still there: %v", err)
	}
	used.remove()
	if _, err := os.Stat(used.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a removed folder is still there: %v", err)
	}
}

func TestOnFreePortsTriesOthers(t *testing.T) {
	t.Parallel()
	taken := &serverError{"x", "java.net.BindException: Address already in use", errors.New("ended")}
	seen := map[int]bool{}
	_, err := onFreePorts(2, func(ports []int) (int, error) {
		for _, p := range ports {
			if seen[p] {
				t.Errorf("port %d twice", p)
			}
			seen[p] = true
		}
		if len(seen) < 4 {
			return 0, taken
		}
		return 1, nil
	})
	if err != nil || len(seen) != 4 {
		t.Errorf("got %v after %d ports, want a second try", err, len(seen))
	}
	tries := 0
	if _, err := onFreePorts(1, func([]int) (int, error) { tries++; return 0, errors.New("no memory") }); err == nil || tries != 1 {
		t.Errorf("got %v after %d tries, want the error at once", err, tries)
	}
}
