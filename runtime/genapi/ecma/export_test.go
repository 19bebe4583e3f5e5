package ecma

// MachineMatch is Regexp.MatchString by the machine, whatever RE2 can do.
func MachineMatch(t *Tree, s string) (bool, error) {
	p, err := t.compile()
	return err == nil && p.match(s), err
}

// Class is what stands in \p{…}, in pairs of characters; nil for what is no property.
func Class(name string) []rune {
	class, _, _ := propertyClass(name)
	return class
}
