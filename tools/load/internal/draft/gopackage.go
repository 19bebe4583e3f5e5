package draft

import (
	"path"
	"regexp"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var versionElement = regexp.MustCompile(`^v[0-9]+([a-z]+[0-9]*)?$`)

// NameGoPackage sets the Go package's import path and name from a go_package option, or from the folder.
func (d *Draft) NameGoPackage(p *schema.Package, option string) {
	importPath, name, named := strings.Cut(option, ";")
	if importPath == "" {
		dir := p.Dir
		if dir == "." {
			dir = strings.ReplaceAll(p.Name, ".", "/")
		}
		importPath = path.Join(d.GoPrefix, dir)
	}
	p.GoImport, p.GoName = importPath, name
	if !named {
		p.GoName = goName(importPath)
	}
}

// goName is the name of a Go package at a path: orders/v1 is ordersv1.
func goName(importPath string) string {
	name := path.Base(importPath)
	if parent := path.Base(path.Dir(importPath)); versionElement.MatchString(name) && parent != "." && parent != "/" {
		name = parent + name
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
	if name == "" || name[0] <= '9' {
		name = "schema" + name
	}
	return name
}
