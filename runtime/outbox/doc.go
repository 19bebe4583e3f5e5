// Package outbox is about events that a program writes into its own database, in the transaction of what they are about: what
// the tables hold, and what relays that publish them ask of a database ([Store]). A publisher with an outbox writes them.
package outbox
