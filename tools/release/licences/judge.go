package licences

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences that Trestle may be handed on with, by SPDX's names: none of them asks anything of a program that links it but to hand on its text.
// MPL-2.0 asks that changes of its own files be published; none are made.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "blessing", "ISC", "MIT", "MPL-2.0"}

// reviewed is what somebody found by reading a text that can't be told by its words. It holds for that text alone: another one is read again.
type reviewed struct {
	module, name string
	digest       string // SHA-256 of the text, its first 16 digits
	licences     []string
}

var readings = []reviewed{
	// SQLite's dedication to the public domain: SPDX calls it blessing.
	{"modernc.org/sqlite", "LICENSE-SQLITE", "8438c9c89b849131", []string{"blessing"}},
	// Lists all modules of its graph; what is linked of them is listed here, too, and what is in its own files is Go's, musl's and SQLite's.
	{"modernc.org/sqlite", "LICENSE-3RD-PARTY.md", "4194f8e7119be72b", []string{"blessing", "BSD-3-Clause", "MIT"}},
	// What its files have from Go, musl, go-netdb and nixpkgs, and musl from TRE.
	{"modernc.org/libc", "LICENSE-3RD-PARTY.md", "f597097efe3d9702", []string{"BSD-2-Clause", "BSD-3-Clause", "MIT"}},
	// Says where the picture of its page is from, which is not linked.
	{"modernc.org/memory", "LICENSE-LOGO", "5ae5bee3072a8413", nil},
}

// wholly is how much of a text, in percent, has to be the words of licences: pkg.go.dev asks for as much.
const wholly = 75

// main matches the file that says which licence a whole folder is under.
var main = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)(\.(txt|md))?$`)

// besides matches files that go with a licence and grant none of their own.
var besides = regexp.MustCompile(`(?i)^(notice|patents|copyright)`)

// Licence is the module's licences as an expression of SPDX, such as "Apache-2.0 AND MIT". It fails if one of its texts is of an unknown licence, or one that is not
// allowed.
func (m Module) Licence() (string, error) {
	var found []string
	whole := false
	for _, text := range m.Texts {
		if besides.MatchString(path.Base(text.Name)) {
			continue
		}
		licences, err := m.licencesOf(text)
		if err != nil {
			return "", err
		}
		found = append(found, licences...)
		whole = whole || main.MatchString(text.Name)
	}
	if !whole {
		return "", fmt.Errorf("%s %s has no licence in its folder: ask its authors, or use another module", m.Path, m.Version)
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), " AND "), nil
}

func (m Module) licencesOf(text Text) ([]string, error) {
	digest := fmt.Sprintf("%x", sha256.Sum256(text.Content))[:16]
	for _, r := range readings {
		if r.module == m.Path && r.name == text.Name && r.digest == digest {
			return r.licences, nil
		}
	}
	of := fmt.Sprintf("%s %s: %s", m.Path, m.Version, text.Name)
	coverage := licensecheck.Scan(text.Content)
	var found []string
	for _, match := range coverage.Match {
		if match.IsURL {
			continue
		}
		if !slices.Contains(allowed, match.ID) {
			return nil, fmt.Errorf("%s is under %s, which is not among %s: use another module, or allow it in tools/release/licences/judge.go", of, match.ID, strings.Join(allowed, ", "))
		}
		found = append(found, match.ID)
	}
	if len(found) == 0 || coverage.Percent < wholly {
		return nil, fmt.Errorf("%s is of no licence that is known by its words (%.0f%% of it are): read it, and write down in tools/release/licences/judge.go what it is, with digest %s",
			of, coverage.Percent, digest)
	}
	return found, nil
}

// Check says what is wrong with the licences of modules, all of it.
func Check(modules []Module) error {
	var wrong []error
	for _, m := range modules {
		if _, err := m.Licence(); err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}
