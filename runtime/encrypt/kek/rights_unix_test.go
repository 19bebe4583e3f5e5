//go:build unix

package kek_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/encrypt/kek"
)

// Whoever may read the file may read what is encrypted.
func TestFileRights(t *testing.T) {
	t.Parallel()
	path := makeFile(t, "2026")
	for mode, refused := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: false, 0o440: false, 0o644: true, 0o660: true, 0o604: true, 0o602: true, 0o601: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := kek.NewFile(path).Wrap(t.Context(), secret, bound)
		if (err != nil) != refused || refused && (!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "chmod 600")) {
			t.Errorf("%v: %v", mode, err)
		}
	}
}
