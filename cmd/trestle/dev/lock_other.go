//go:build !unix

package dev

// lock does nothing where the system has no advisory locks.
func lock(string) (func(), error) { return func() {}, nil }
