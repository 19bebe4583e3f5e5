package golang

import (
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

func jsonTypeName(m *schema.Message) string { return m.Name }
func jsonEnumName(e *schema.Enum) string    { return e.Name }
func (g *file) jsonView(v view) view        { return v }
func jsonPackage(set *schema.Set, pkg *schema.Package) ([]output.File, error) {
	return nil, nil
}
