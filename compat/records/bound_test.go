package records_test

import (
	"math"
	"testing"

	"github.com/omninode/trestle/compat/records"
)

// The bounds are those of published tables of Clopper and Pearson's, one-sided at 95 %.
func TestBelow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k, n int64
		want float64
	}{{0, 1, 0.95}, {0, 10, 0.2589}, {0, 299, 0.00997}, {1, 10, 0.3942}, {5, 10, 0.7776}, {3, 100, 0.0757}, {1000, 1_000_000, 0.00105359}, {500_000, 1_000_000, 0.500823}, {10, 10, 1}, {0, 0, 1}} {
		if got := records.Below(c.k, c.n); math.Abs(got-c.want) > 5e-5 {
			t.Errorf("%d of %d: below %.5f, want %.5f", c.k, c.n, got, c.want)
		}
	}
}

// What is said is true in 95 of 100 samples, whatever the share is: the probabilities of all samples that lead to a bound above it add up to that.
func TestBelowHolds(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 7, 50, 400} {
		for _, share := range []float64{0.0005, 0.004, 0.05, 0.3, 0.9, 0.999} {
			covered, logarithm := 0.0, float64(n)*math.Log1p(-share) // of the probability of k
			for k := range n + 1 {
				if k > 0 {
					logarithm += math.Log(float64(n-k+1) / float64(k) * share / (1 - share))
				}
				if share <= records.Below(k, n) {
					covered += math.Exp(logarithm)
				}
			}
			if covered < records.Confidence-1e-9 {
				t.Errorf("samples of %d, a share of %v: it lies below the bound in %.4f of them", n, share, covered)
			}
		}
	}
}
