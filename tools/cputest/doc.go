// Package cputest tells tests how much processor time they have taken, which other processes lengthen less than the clock's.
package cputest
