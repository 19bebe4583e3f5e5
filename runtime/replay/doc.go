// Package replay sends dead letters back to where their originals came from, once, and keeps the record of it. What is resolved,
// replayed, repaired or purged, stands in a compacted topic, [ResolutionsTopic], so that every count of dead letters agrees.
package replay
