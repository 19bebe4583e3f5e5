package kek_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
)

// TestMain is the program that commands run, where its first argument says so.
func TestMain(m *testing.M) {
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil { // else each run of the program takes a second longer
		panic(err)
	}
	if len(os.Args) < 2 || os.Args[1] != "as-kek" {
		os.Exit(m.Run())
	}
	switch how := os.Args[2]; how {
	case "serve":
		if err := kek.Serve(context.Background(), kek.NewFile(os.Args[3]), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "answer":
		_, _ = io.Copy(io.Discard, os.Stdin)
		fmt.Println(os.Args[3])
	case "fail":
		fmt.Fprintln(os.Stderr, os.Args[3])
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	}
	os.Exit(0)
}

func program(t testing.TB, args ...string) *kek.Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return kek.NewCommand(self, append([]string{"as-kek"}, args...)...)
}

func makeFile(t testing.TB, names ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pii.kek")
	if err := kek.Create(path, names[0]); err != nil {
		t.Fatal(err)
	}
	for _, name := range names[1:] {
		if err := kek.Add(path, name); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

var secret, bound = bytes.Repeat([]byte{7}, 32), []byte("context")

// All of them wrap with the current key and unwrap with all; what was changed, or is of another context or key, is not unwrapped.
func TestWraps(t *testing.T) {
	path := makeFile(t, "2026", "2027")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_KEK", strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ";"))
	keks := map[string]encrypt.KEK{
		"file": kek.NewFile(path), "env": kek.NewEnv("TEST_KEK"), "command": program(t, "serve", path),
	}
	var all [][]byte
	for name, k := range keks {
		by, wrapped, err := k.Wrap(t.Context(), secret, bound)
		if err != nil || by != "2027" || k.Name() != "2027" {
			t.Fatalf("%s: wrapped by %s of %s: %v", name, by, k.Name(), err)
		}
		_, again, err := k.Wrap(t.Context(), secret, bound)
		if err != nil || bytes.Equal(wrapped, again) || bytes.Contains(wrapped, secret) {
			t.Errorf("%s: wrapped as %x and %x, %v", name, wrapped, again, err)
		}
		all = append(all, wrapped)
	}
	for name, k := range keks {
		for _, wrapped := range all {
			if got, err := k.Unwrap(t.Context(), "2027", wrapped, bound); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%s: %x, %v", name, got, err)
			}
		}
		changed := bytes.Clone(all[0])
		changed[20] ^= 1
		for what, test := range map[string]struct {
			name           string
			wrapped, bound []byte
			want           error
		}{
			"changed":             {"2027", changed, bound, encrypt.ErrNotWrapped},
			"cut off":             {"2027", all[0][:5], bound, encrypt.ErrNotWrapped},
			"empty":               {"2027", nil, bound, encrypt.ErrNotWrapped},
			"in another context":  {"2027", all[0], []byte("other"), encrypt.ErrNotWrapped},
			"with another key":    {"2026", all[0], bound, encrypt.ErrNotWrapped},
			"with an unknown key": {"2028", all[0], bound, encrypt.ErrUnknownKEK},
		} {
			if got, err := k.Unwrap(t.Context(), test.name, test.wrapped, test.bound); !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %x, %v", name, what, got, err)
			}
		}
	}
}

// A file may change while it is used.
func TestFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := makeFile(t, "2026")
	k := kek.NewFile(path)
	_, wrapped, err := k.Wrap(t.Context(), secret, bound)
	if err != nil {
		t.Fatal(err)
	}
	if err := kek.Add(path, "2027"); err != nil {
		t.Fatal(err)
	}
	if name, _, err := k.Wrap(t.Context(), secret, bound); err != nil || name != "2027" {
		t.Errorf("wrapped with %s, %v", name, err)
	}
	if got, err := k.Unwrap(t.Context(), "2026", wrapped, bound); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("%x, %v", got, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Unwrap(t.Context(), "2026", wrapped, bound); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	if k.Name() != "" {
		t.Errorf("without the file its current key is %s", k.Name())
	}
}

// Of many who make one file, or add one key, one does; keys that are added at once are all there.
func TestFilesAreWrittenByOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pii.kek")
	count := func(do func(i int) error) (done int) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		for i := range 20 {
			wg.Go(func() {
				err := do(i)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else if !strings.Contains(err.Error(), "there is") {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return done
	}
	if n := count(func(int) error { return kek.Create(path, "2026") }); n != 1 {
		t.Errorf("made %d times", n)
	}
	if n := count(func(int) error { return kek.Add(path, "2027") }); n != 1 {
		t.Errorf("one key was added %d times", n)
	}
	if n := count(func(i int) error { return kek.Add(path, fmt.Sprint("of ", i)[3:]) }); n != 20 {
		t.Errorf("%d keys of 20 were added", n)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != 22 {
		t.Errorf("%d lines, %v", strings.Count(string(text), "\n"), err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".kek-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

const key1, key2 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// What a text lacks is said with its place, and without what may be a key.
func TestTexts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pii.kek")
	for text, want := range map[string]string{
		"a " + key1: "", "# of 2026\n\n  a\t" + key1 + " \r\nb " + key2 + "\r\n": "",
		"":                          "there is no key",
		"# nothing\n":               "there is no key",
		"a " + key1 + "\n" + key2:   ":2: a key is a name and 32 bytes",
		"a b " + key1:               ":1: a key is a name and 32 bytes",
		"\n\na AAEC":                ":3: the key is of 3 bytes, not 32",
		"a " + key1[:len(key1)-1]:   ":1: what follows the name is not base64",
		"a " + key1[:40] + "-_8=":   ":1: what follows the name is not base64",
		key1 + " a":                 ":1: the name of a key has at most 40 bytes, got 44: does the name stand first?",
		"a " + key1 + "\na " + key2: ":2: there is a key a before it",
		"a\u200b " + key1:           ":1: the name of a key has no blanks",
		"a\xff " + key1:             ":1: the name of a key has no blanks",
		strings.Repeat("#", 1<<20) + "\na " + key1: "larger than 1 MiB",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := kek.NewFile(path).Wrap(t.Context(), secret, bound)
		if want == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%.200q: %v, want %q", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "AAEC") || strings.Contains(err.Error(), "AQEC")) {
			t.Errorf("%.200q: a key is shown: %v", text, err)
		}
	}
	t.Setenv("TEST_KEK", "a "+key1+"; b AAEC")
	if _, _, err := kek.NewEnv("TEST_KEK").Wrap(t.Context(), secret, bound); err == nil || !strings.Contains(err.Error(), "TEST_KEK, line 2: the key is of 3 bytes") {
		t.Error(err)
	}
	if _, _, err := kek.NewEnv("TEST_NO_KEK").Wrap(t.Context(), secret, bound); err == nil || !strings.Contains(err.Error(), "TEST_NO_KEK, of a KEK, is not set") {
		t.Error(err)
	}
	for _, name := range []string{"", "a b", "a;b", "#a", strings.Repeat("a", 41)} {
		if err := kek.Create(filepath.Join(t.TempDir(), "k"), name); err == nil {
			t.Errorf("a key was made with the name %q", name)
		}
		if err := kek.Add(path, name); err == nil {
			t.Errorf("a key was added with the name %q", name)
		}
	}
}

// What a program says is told apart: no, and nothing.
func TestCommandAnswers(t *testing.T) {
	t.Parallel()
	path := makeFile(t, "2026")
	for what, test := range map[string]struct {
		args []string
		is   error
		want string
	}{
		"no":                      {[]string{"answer", `{"error":"not for you","denied":true}`}, encrypt.ErrDenied, "not for you"},
		"no, without why":         {[]string{"answer", `{"denied":true}`}, encrypt.ErrDenied, "denies it"},
		"destroyed":               {[]string{"answer", `{"error":"gone","reason":"destroyed"}`}, encrypt.ErrKEKDestroyed, "gone"},
		"unknown":                 {[]string{"answer", `{"error":"what?","reason":"unknown_kek"}`}, encrypt.ErrUnknownKEK, "what?"},
		"broken":                  {[]string{"answer", `{"error":"oh","reason":"broken"}`}, encrypt.ErrNotWrapped, "oh"},
		"an error":                {[]string{"answer", `{"error":"connection refused"}`}, nil, "connection refused"},
		"a reason of later":       {[]string{"answer", `{"error":"oh","reason":"tired"}`}, nil, "oh"},
		"nothing":                 {[]string{"answer", ``}, nil, "not a line of JSON"},
		"two answers":             {[]string{"answer", "{}\n{}"}, nil, "not a line of JSON"},
		"no data":                 {[]string{"answer", `{"name":"x"}`}, nil, "no data"},
		"no base64":               {[]string{"answer", `{"name":"x","data":"TOPSECRET!"}`}, nil, "not a line of JSON"},
		"too much":                {[]string{"answer", strings.Repeat(" ", 100_000)}, nil, "not a line of JSON"},
		"that it failed":          {[]string{"fail", "no\nroute"}, nil, "exit status 3: no route"},
		"that there is no file":   {[]string{"serve", path + "x"}, nil, "no such file"},
		"that it is no such file": {[]string{"serve", filepath.Dir(path)}, nil, filepath.Dir(path)},
	} {
		_, _, err := program(t, test.args...).Wrap(t.Context(), secret, bound)
		_, err2 := program(t, test.args...).Unwrap(t.Context(), "2026", secret, bound)
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "command ") {
				t.Errorf("it says %s: %v", what, err)
				continue
			}
			if strings.Contains(err.Error(), "TOPSECRET") {
				t.Errorf("it says %s: a secret is shown: %v", what, err)
			}
			for _, is := range []error{encrypt.ErrDenied, encrypt.ErrKEKDestroyed, encrypt.ErrUnknownKEK, encrypt.ErrNotWrapped} {
				if errors.Is(err, is) != (is == test.is) {
					t.Errorf("it says %s: %v is, or is not, %v", what, err, is)
				}
			}
		}
	}
	if _, _, err := kek.NewCommand(filepath.Join(t.TempDir(), "nothing")).Wrap(t.Context(), secret, bound); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a program: %v", err)
	}
}

// A program that does not answer is ended with who waits for it.
func TestCommandIsEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, _, err := program(t, "hang").Wrap(ctx, secret, bound); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Serve answers a line at a time, and says of a request that it does not understand.
func TestServe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := makeFile(t, "2026")
		in, ask := io.Pipe()
		out, answers := newLines(), make(chan error, 1)
		go func() { answers <- kek.Serve(t.Context(), kek.NewFile(path), in, out) }()
		for _, test := range []struct{ request, want string }{
			{`{"op":"wrap","data":"AAEC"}`, `{"name":"2026","data":"`},
			{`{"op":"open"}`, `{"error":"a request for \"open\", which is neither wrap nor unwrap"}`},
			{`what`, `{"error":"a request that is not JSON"}`},
			{`{"op":"unwrap","name":"2020"}`, `,"reason":"unknown_kek"}`},
		} {
			if _, err := fmt.Fprintln(ask, test.request); err != nil {
				t.Fatal(err)
			}
			if got := <-out; !strings.Contains(got, test.want) {
				t.Errorf("%s is answered with %s", test.request, got)
			}
		}
		if err := ask.Close(); err != nil {
			t.Error(err)
		}
		if err := <-answers; err != nil {
			t.Error(err)
		}
	})
}

type lines chan string

func newLines() lines { return make(chan string, 1) }

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}
