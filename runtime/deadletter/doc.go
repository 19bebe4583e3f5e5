// Package deadletter writes and reads dead letters: the records that say which event could not be processed, why, and
// everything a replay needs to publish it again exactly as it was.
//
// One shape is written, [DeadLetter.AppendJSON]; [Parse], the one reader, also reads the others that are found on topics:
//
//	{"original_event":{…},"error":{"error_type":…},"retry_count":3,…,"source_topic":…}   nested, as written here
//	{"envelope_version":"1.0",…,"payload":{…},"error":"…","retry_count":3,"dlq_timestamp":…}   flat
//	{"original_topic":"…","original_key":"…","original_data":{…},"failure_reason":"…",…}   as OmniNode's services write it
//	{"envelope":{…},"error":"…"} or {"envelope_version":"1.0",…,"error":"…"}   an envelope with an error
//
// and those of other systems ([Systems]), whose records are the original's with headers of their own.
package deadletter
