package trestle

import "time"

func init() { lookAheadInterval = 50 * time.Millisecond } // tests have no time for it

// DoneIn is doneIn, for tests from outside: it says of an offset whether the metadata of a commit has it as done.
func DoneIn(metadata string, at int64) func(offset int64) bool {
	runs := doneIn(metadata, at)
	return func(offset int64) bool {
		for _, r := range runs {
			if r.first <= offset && offset < r.end {
				return true
			}
		}
		return false
	}
}
