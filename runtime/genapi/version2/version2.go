// Package version2 has nothing in it: that it exists says that the runtime is of the version that generated code which
// imports it needs. See package genapi.
package version2
