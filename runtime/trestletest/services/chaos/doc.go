// Package chaos publishes and consumes while what they depend on fails, and accounts for every event. It has tests alone: TestChaos
// on the embedded cluster, and TestChaosOnKafka, which `make chaos` runs, on three brokers of Apache Kafka, with publishers and
// consumers as processes of their own.
//
// Each of them writes down what it does, a line at a time, before anything that follows from it can happen: what was acknowledged,
// which handler began, what is done. From that and from the logs of the topics the tests judge in the end that no event was lost,
// that each key was handled in order, that each dead letter can be replayed, and that no position was committed before all in front
// of it was done.
package chaos
