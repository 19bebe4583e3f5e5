//go:build !unix

package cputest

import (
	"testing"
	"time"
)

var begun = time.Now()

// Used is the time that has passed: what the process has taken of it is not known here.
func Used(testing.TB) time.Duration { return time.Since(begun) }
