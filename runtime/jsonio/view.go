package jsonio

import "unsafe"

// bytesOf and stringOf look at the same memory as the other type. What they return must not be written to, and is
// valid as long as the original is not.

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
