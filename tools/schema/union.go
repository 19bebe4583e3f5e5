package schema

// Union is a choice of messages that are told apart by a property: oneOf or anyOf objects that each demand other values
// of it.
type Union struct {
	Name, FullName string
	Doc            string
	Package        *Package
	File           *File
	Property       string // JSON name
	Variants       []*Variant
	Pos            Position
}

// Variant is one message of a union.
type Variant struct {
	Message *Message
	Values  []string // of the property
	Pos     Position
}
