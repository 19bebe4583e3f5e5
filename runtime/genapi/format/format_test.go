package format_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/genapi/format"
)

func TestUUID(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"550e8400-e29b-41d4-a716-446655440000":   true,
		"550E8400-E29B-41D4-A716-44665544ABCD":   true,
		"00000000-0000-0000-0000-000000000000":   true,
		"":                                       false,
		"550e8400e29b41d4a716446655440000":       false,
		"550e8400-e29b-41d4-a716-44665544000":    false,
		"550e8400-e29b-41d4-a716-4466554400000":  false,
		"550e8400-e29b-41d4-a716-44665544000g":   false,
		"550e8400-e29b-41d4-a716_446655440000":   false,
		"{550e8400-e29b-41d4-a716-446655440000}": false,
		"550e8400-e29b-41d4-a716-44665544000\n":  false,
	}
	for s, want := range tests {
		if got := format.UUID(s); got != want {
			t.Errorf("UUID(%q) = %t, want %t", s, got, want)
		}
		trimmed := strings.ReplaceAll(s, "-", "")
		if got := format.TrimmedUUID(trimmed); want && !got {
			t.Errorf("TrimmedUUID(%q) = false, want true", trimmed)
		}
	}
	if format.TrimmedUUID("550e8400-e29b-41d4-a716-446655440000") {
		t.Error("TrimmedUUID takes a UUID with dashes")
	}
}

func TestUnique(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 16, 17, 100} {
		items := make([]string, n)
		raw := make([][]byte, n)
		for i := range items {
			items[i] = strconv.Itoa(i)
			raw[i] = []byte(items[i])
		}
		if !format.Unique(items) || !format.UniqueBytes(raw) {
			t.Errorf("%d different items are not unique", n)
		}
		if n > 1 {
			items[n-1], raw[n-1] = items[0], raw[0]
			if format.Unique(items) || format.UniqueBytes(raw) {
				t.Errorf("%d items of which two are equal are unique", n)
			}
		}
	}
	if !format.Unique([]float64{math.NaN(), math.NaN()}) {
		t.Error("NaN equals itself")
	}
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"2024-02-29T23:59:59.5Z": true, "2024-02-29t01:02:03+02:00": true, "2024-02-29 00:00:00Z": true, "2024-02-29T00:00:00": true,
		"2024-02-29 00:00:00.123456789": true, "2024-02-29 00:00:00+00:00": true,
		"2023-02-29T00:00:00Z": false, "2016-12-31T23:59:60Z": false, "2024-02-29T": false, "2024-02-29": false, "0001-01-01T00:00:00+01:00": false, "": false,
	} {
		if got := format.DateTime(s); got != want {
			t.Errorf("DateTime(%q) = %t, want %t", s, got, want)
		}
	}
}
