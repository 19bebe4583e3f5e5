package compat

// registryRefuses is the one rule of profile confluent.
var registryRefuses = Rule{
	ID:        "REGISTRY_REFUSES",
	Purpose:   "a Schema Registry accepts the schema as the next version of its subject",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "a registry whose level asks for backward compatibility refuses the schema",
	Forward:   "a registry whose level asks for forward compatibility refuses the schema",
	Fix:       "undo the change, or register it under a new subject",
}

// RulesOf lists the rules that judge in a profile, sorted by id.
func RulesOf(p Profile) []Rule {
	if p == Confluent {
		return []Rule{registryRefuses}
	}
	return Rules()
}
