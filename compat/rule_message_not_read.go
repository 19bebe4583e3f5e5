package compat

var messageNotRead = Rule{
	ID:        "MESSAGE_NOT_READ",
	Purpose:   "every event that one version of a message lets be written, the other lets be read",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema do not take old events",
	Forward:   "consumers of %s with the old schema do not take new events",
	Fix:       "let %s accept what it accepted, and no more than old consumers take",
}
