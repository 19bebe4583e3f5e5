// Package shape says which values a type of a schema has, whatever language the schema is written in: ranges of
// numbers, lengths, finite lists, and whether a value is one of them. Compatibility of data is inclusion of what a
// writer's shape holds in what a reader's does; where that cannot be told, the functions here say so.
package shape
