package records

import "math"

// Confidence is that of what is said of a whole topic by a sample.
const Confidence = 0.95

// Below returns the share, from 0 to 1, below which that of a whole lies at [Confidence] when k of n are found in a sample: the exact (Clopper–Pearson)
// upper bound of the binomial, which for k = 0 is 1 − 0.05^(1/n), about three in n. It holds, and is rather too high, for a sample of which one
// record is drawn at random from each of n parts of equal size, too.
func Below(k, n int64) float64 {
	switch {
	case n <= 0 || k >= n:
		return 1
	case k == 0:
		return -math.Expm1(math.Log1p(-Confidence) / float64(n))
	}
	// The bound is the share at which k or fewer are found with a probability of 1 − Confidence; that falls as the share grows.
	low, high := float64(k)/float64(n), 1.0
	for range 60 {
		middle := (low + high) / 2
		if atMost(k, n, middle) > 1-Confidence {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// atMost is the probability of at most k in n draws, each with probability p: the regularized incomplete beta function of 1−p at n−k and k+1.
func atMost(k, n int64, p float64) float64 {
	if p >= 1 {
		return 0
	}
	a, b, x := float64(n-k), float64(k+1), 1-p
	whole, _ := math.Lgamma(a + b)
	first, _ := math.Lgamma(a)
	second, _ := math.Lgamma(b)
	front := math.Exp(whole - first - second + a*math.Log(x) + b*math.Log1p(-x))
	if x < (a+1)/(a+b+2) { // where the fraction converges fast
		return front * betaFraction(a, b, x) / a
	}
	return 1 - front*betaFraction(b, a, 1-x)/b
}

// betaFraction is the continued fraction of the incomplete beta function, by Lentz's method.
func betaFraction(a, b, x float64) float64 {
	const tiny = 1e-300
	notZero := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/notZero(1-(a+b)*x/(a+1))
	result := d
	for m := 1.0; m < 100_000; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/notZero(1+even*d), notZero(1+even/c)
		result *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/notZero(1+odd*d), notZero(1+odd/c)
		result *= d * c
		if math.Abs(d*c-1) < 1e-14 {
			break
		}
	}
	return result
}
