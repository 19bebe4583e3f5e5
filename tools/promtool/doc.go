// Package promtool has Prometheus itself judge the rules and the dashboard that are generated. It is a module of its own: Prometheus brings much that nobody
// else here is to get.
package promtool
