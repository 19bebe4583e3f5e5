package replay

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPace sends ten events a second in steps of ten, and two in steps of one.
func TestPace(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{10, 0.5} {
		synctest.Test(t, func(t *testing.T) {
			p := pace{rate: rate}
			begun, sent := time.Now(), 0
			for range 20 {
				if err := p.await(t.Context(), p.most()); err != nil {
					t.Fatal(err)
				}
				sent += p.most()
				if most := rate*time.Since(begun).Seconds() + float64(p.most()); float64(sent) > most+1e-6 {
					t.Errorf("%d events after %v at %v a second", sent, time.Since(begun), rate)
				}
			}
			if want := time.Duration(19 * float64(p.most()) / rate * float64(time.Second)); time.Since(begun) != want {
				t.Errorf("20 steps took %v, want %v", time.Since(begun), want)
			}
		})
	}
	if unlimited := (&pace{}).most(); unlimited != maxLetters {
		t.Errorf("without a rate %d go together", unlimited)
	}
}
