package compat

import "github.com/omninode/trestle/tools/schema"

// requirement is what a reader demands of a field being there.
type requirement uint8

const (
	optional requirement = iota // it may be absent, or a default fills it in
	present                     // the key must be there
	nonZero                     // it must be there and hold something: not zero, not empty
)

// need says what readers of a field demand. A default satisfies every demand, as readers fill it in first.
func need(f *schema.Field) requirement {
	switch {
	case f.Default != "":
		return optional
	case f.Required && !f.Explicit:
		return nonZero
	case f.Required, f.JSONRequired:
		return present
	}
	return optional
}

func (r requirement) String() string {
	switch r {
	case present:
		return "required"
	case nonZero:
		return "required and not empty"
	}
	return "optional"
}

// needEncodings says where a demand matters: that of a key alone is one of JSON.
func needEncodings(f *schema.Field) []schema.Encoding {
	if !f.Required {
		return jsonOnly
	}
	return bothEncodings
}
