package encrypt_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
)

var (
	classID  = uuid.MustParse("0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b")
	personID = uuid.MustParse("6f1e2d3c-4b5a-4968-8776-95a4b3c2d1e0")
	created  = time.Date(2026, 11, 30, 5, 41, 38, 123456000, time.UTC)
)

// The texts are what other languages read and write.
var entries = map[string]struct {
	entry encrypt.Entry
	text  string
}{
	"of a class": {
		encrypt.Entry{ID: classID, Class: "pii", Created: created, KEK: "kek-1", Wrapped: []byte("wrapped")},
		`{"version":1,"id":"0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b","class":"pii","created":"2026-11-30T05:41:38.123456Z","kek":"kek-1","wrapped":"d3JhcHBlZA=="}`,
	},
	"of a person": {
		encrypt.Entry{ID: personID, Class: "pii", Created: created, Parent: classID, Person: bytes.Repeat([]byte{1}, 32), Wrapped: bytes.Repeat([]byte{2}, 60)},
		`{"version":1,"id":"6f1e2d3c-4b5a-4968-8776-95a4b3c2d1e0","class":"pii","created":"2026-11-30T05:41:38.123456Z",` +
			`"parent":"0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b","person":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",` +
			`"wrapped":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"}`,
	},
	"destroyed": {
		encrypt.Entry{ID: classID, Class: "pii", Created: created, Destroyed: created.Add(time.Hour), Why: encrypt.ToDestroy},
		`{"version":1,"id":"0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b","class":"pii","created":"2026-11-30T05:41:38.123456Z",` +
			`"destroyed":"2026-11-30T06:41:38.123456Z","why":"destroy"}`,
	},
	"erased": {
		encrypt.Entry{
			ID: personID, Class: "pii", Created: created, Parent: classID, Person: bytes.Repeat([]byte{1}, 32), Destroyed: created.Add(time.Hour), Why: encrypt.ToErase,
		},
		`{"version":1,"id":"6f1e2d3c-4b5a-4968-8776-95a4b3c2d1e0","class":"pii","created":"2026-11-30T05:41:38.123456Z",` +
			`"parent":"0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b","person":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",` +
			`"destroyed":"2026-11-30T06:41:38.123456Z","why":"erase"}`,
	},
}

func TestEntry(t *testing.T) {
	t.Parallel()
	for name, test := range entries {
		record := test.entry.Record()
		if string(record.Value) != test.text || string(record.Key) != test.entry.ID.String() {
			t.Errorf("%s: written as %s: %s", name, record.Key, record.Value)
		}
		got, err := encrypt.ParseEntry([]byte(test.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(&test.entry, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		later := strings.Replace(test.text, `"class"`, `"since":{"a":[1]},"class"`, 1)
		if _, err := encrypt.ParseEntry([]byte(later)); err != nil {
			t.Errorf("%s, with an unknown member: %v", name, err)
		}
		newer := strings.NewReplacer(`"version":1`, `"version":2`, `"2026-11-30T05:41:38.123456Z"`, `{}`).Replace(test.text)
		_, err = encrypt.ParseEntry([]byte(newer))
		if version, ok := errors.AsType[*encrypt.VersionError](err); !ok || version.Version != 2 || !strings.Contains(err.Error(), "version 2") {
			t.Errorf("%s, of another version: %v", name, err)
		}
	}
}

func TestBrokenEntries(t *testing.T) {
	t.Parallel()
	of := func(name, old, new string) string { return strings.Replace(entries[name].text, old, new, 1) }
	for text, want := range map[string]string{
		"":                                "is not JSON",
		"null":                            "version 0",
		`{"id":"x"}`:                      "version 0",
		of("of a class", `:"0b`, `:"{0b`): "not a UUID",
		of("of a class", `"id":"0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b",`, ""):             "no id",
		of("of a class", `"pii"`, `""`):                                                  "no class",
		of("of a class", `"2026`, `"20x6`):                                               "created: must be",
		of("of a class", `"2026`, `"0000`):                                               "created",
		of("of a class", `"kek":"kek-1",`, ""):                                           "no name of a KEK",
		of("of a class", `d3JhcHBlZA==`, ""):                                             "nothing is wrapped",
		of("of a class", `d3JhcHBlZA==`, "d3Jhc!"):                                       "must be base64",
		of("of a class", `"class"`, `"class":"pay","class"`):                             "class",
		of("of a class", `"wrapped"`, `"person":"AQ==","wrapped"`):                       "has no parent",
		of("of a person", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "AQEB"):        "3 bytes, not 32",
		of("of a person", `:"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC`, `:"AgI`): "bytes, not 60",
		of("of a class", `}`, ``):                                                        "is not JSON",
		of("of a class", `}`, `}x`):                                                      "is not JSON",
	} {
		if e, err := encrypt.ParseEntry([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is read as %v, %v; want %q", text, e, err, want)
		}
	}
}
