package trestle

import "time"

func init() { lookAheadInterval = 50 * time.Millisecond } // tests have no time for it
