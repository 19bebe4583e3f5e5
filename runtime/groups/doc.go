// Package groups says what the consumer groups of a cluster have read, and moves them: [List], [Describe], [Seek] and [Delete].
package groups
