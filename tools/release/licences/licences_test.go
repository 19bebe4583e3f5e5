package licences

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	mit = `Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the
Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software,
and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`
	gpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free Software
Foundation, either version 3 of the License, or (at your option) any later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS FOR A
PARTICULAR PURPOSE. See the GNU General Public License for more details.
`
)

// linked is what a program links that imports a module, and a package of it, with these files.
func linked(t *testing.T, files map[string]string) []Module {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{
		"go.mod":                 "module example.com/program\n\ngo 1.26\n\nrequire example.com/library v1.2.3\n\nreplace example.com/library => ./library\n",
		"main.go":                "package main\n\nimport _ \"example.com/library/part\"\n\nfunc main() {}\n",
		"library/go.mod":         "module example.com/library\n\ngo 1.26\n",
		"library/part/part.go":   "package part\n",
		"library/other/other.go": "package other\n",
	}
	for name, text := range files {
		all["library/"+name] = text
	}
	for name, text := range all {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packages, err := Load(root, "linux/arm64", ".")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := packages.Linked("example.com/program")
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) != 2 || modules[0].Path != Standard || modules[1].Path != "example.com/library" || modules[1].Version != "v1.2.3" {
		t.Fatalf("what is linked is %v", modules)
	}
	return modules
}

// TestLicence holds what the licences of a module are, and what is refused.
func TestLicence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  string // or what the error says
	}{
		"allowed":                      {map[string]string{"LICENSE": mit, "NOTICE": "By somebody."}, "MIT"},
		"with another name":            {map[string]string{"copying.md": mit}, "MIT"},
		"of a part":                    {map[string]string{"LICENSE": mit, "part/LICENSE.txt": gpl}, "part/LICENSE.txt is under GPL-3.0-or-later, which is not among"},
		"of a part that is not linked": {map[string]string{"LICENSE": mit, "other/LICENSE": gpl}, "MIT"},
		"not allowed":                  {map[string]string{"LICENSE": gpl}, "example.com/library v1.2.3: LICENSE is under GPL-3.0-or-later, which is not among"},
		"allowed and not allowed":      {map[string]string{"LICENSE": mit + gpl}, "is under GPL-3.0-or-later"},
		"none":                         {nil, "example.com/library v1.2.3 has no licence in its folder"},
		"for a part alone":             {map[string]string{"part/LICENSE": mit}, "has no licence in its folder"},
		"unknown":                      {map[string]string{"LICENSE": "Do good with it."}, "LICENSE is of no licence that is known by its words (0% of it are): read it"},
		"with more to it":              {map[string]string{"LICENSE": mit + strings.Repeat("And none may sell it on a Sunday. ", 100)}, "is of no licence that is known by its words (17% of it are)"},
		"a list of others'":            {map[string]string{"LICENSE": mit, "LICENSE-3RD-PARTY.md": "A part of it is somebody else's."}, "LICENSE-3RD-PARTY.md is of no licence"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modules := linked(t, c.files)
			got, err := modules[1].Licence()
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, c.want) || (err == nil && got != c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := Check(modules); fmt.Sprint(got) != fmt.Sprint(err) {
				t.Errorf("together: %v", got)
			}
			if err := Write(&strings.Builder{}, modules); (err != nil) != strings.Contains(c.want, " ") {
				t.Errorf("write: %v", err)
			}
		})
	}
}

// TestReadings holds what was read to the text that was read.
func TestReadings(t *testing.T) {
	t.Parallel()
	m := Module{Path: "modernc.org/memory", Version: "v9.9.9", Texts: []Text{{"LICENSE", []byte(mit)}, {"LICENSE-LOGO", []byte("https://commons.wikimedia.org/wiki/File:Memory_infra_logo.png\n")}}}
	if got, err := m.Licence(); err != nil || got != "MIT" {
		t.Errorf("the text that was read: %q, %v", got, err)
	}
	m.Texts[1].Content = append(m.Texts[1].Content, "not for sale"...)
	if got, err := m.Licence(); err == nil || !strings.Contains(err.Error(), "LICENSE-LOGO is of no licence") {
		t.Errorf("another text: %q, %v", got, err)
	}
}

// TestWrite holds that each text is written once, with all that it is of.
func TestWrite(t *testing.T) {
	t.Parallel()
	a := Module{Path: "example.com/a", Version: "v1.0.0", Texts: []Text{{"LICENSE", []byte(mit)}, {"NOTICE", []byte("By A.\r\n")}}}
	b := Module{Path: "example.com/b", Version: "v2.0.0", Texts: []Text{{"LICENSE", []byte(strings.TrimSpace(mit))}}}
	var out strings.Builder
	if err := Write(&out, []Module{a, b}); err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("=", 80)
	for _, want := range []string{
		"\nexample.com/a v1.0.0: MIT\nexample.com/b v2.0.0: MIT\n",
		line + "\nexample.com/a v1.0.0 (LICENSE)\nexample.com/b v2.0.0 (LICENSE)\n" + line + "\n\n" + mit,
		line + "\nexample.com/a v1.0.0 (NOTICE)\n" + line + "\n\nBy A.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if got := strings.Count(out.String(), "free of charge"); got != 1 {
		t.Errorf("the text is there %d times", got)
	}
}
