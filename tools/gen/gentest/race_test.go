//go:build race

package gentest

// raceEnabled says that pools drop what they are given now and then, so that allocations cannot be counted.
const raceEnabled = true
