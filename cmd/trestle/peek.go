package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// peeked is one record as `peek` shows it.
type peeked struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	// Key is null for a record without one.
	Key       *string `json:"key"`
	EventType string  `json:"event_type"`
	Timestamp string  `json:"timestamp"`
	// Value is the record's own JSON, number for number; null for a tombstone and for what is not JSON.
	Value json.RawMessage `json:"value"`
	// ValueBase64 holds the bytes of a value that is not JSON.
	ValueBase64 string `json:"value_base64,omitempty"`
}

func newPeek(p *project) *cobra.Command {
	var c connections
	var asJSON bool
	var count int
	var from string
	cmd := &cobra.Command{
		Use:   "peek TOPIC",
		Short: "Show records of a topic: the newest, or from a place on",
		Long: `Peek shows the last records of a topic, over all partitions, oldest first. It joins no consumer group and moves no
offset. --from start shows the first ones, --from OFFSET those from that offset of each partition, --from TIME (RFC 3339)
those from then on, and --from end waits for new ones.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 {
				return fmt.Errorf("-n %d: at least 1", count)
			}
			env, err := c.resolve(p)
			if err != nil {
				return err
			}
			if err := env.needBrokers(); err != nil {
				return err
			}
			types := sync.OnceValue(func() *trestle.Types { // only records in protobuf need them
				known, err := p.eventTypes(cmd.Context())
				if err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "trestle: records in protobuf are shown as bytes: %v\n", err)
				}
				return known.decoding()
			})
			return peek(cmd.Context(), env, args[0], from, count, func(r *kgo.Record) error {
				shown := peekRecord(r, types)
				if asJSON {
					return showLine(cmd, shown)
				}
				return showText(cmd.OutOrStdout(), shown)
			})
		},
	}
	c.addBrokers(cmd)
	addJSON(cmd, &asJSON, "print one JSON object a line")
	cmd.Flags().IntVarP(&count, "count", "n", 10, "how many records")
	cmd.Flags().StringVar(&from, "from", "", "start, end, an offset, or an RFC 3339 time (default: the last -n)")
	return cmd
}

// peek calls show for up to count records, in order of time.
func peek(ctx context.Context, env environment, topic, from string, count int, show func(*kgo.Record) error) error {
	adminClient, err := env.kafka()
	if err != nil {
		return err
	}
	defer adminClient.Close()
	adm := kadm.NewClient(adminClient)
	starts, ends, err := topicRange(ctx, adm, topic)
	if err != nil {
		return err
	}
	begin, err := peekFrom(ctx, adm, topic, from, int64(count), starts, ends)
	if err != nil {
		return err
	}
	wait := from == "end"
	offsets := map[int32]kgo.Offset{}
	left := map[int32]int64{} // partition → offset before which it is read
	for partition, at := range begin {
		if end := ends[partition]; wait || at < end {
			offsets[partition] = kgo.NewOffset().At(at)
			left[partition] = end
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	cl, err := env.kafka(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer cl.Close()
	if wait {
		return peekNew(ctx, cl, count, show)
	}
	records, err := readUntil(ctx, cl, left)
	if err != nil {
		return err
	}
	slices.SortStableFunc(records, func(a, b *kgo.Record) int {
		if a.Partition == b.Partition {
			return cmp.Compare(a.Offset, b.Offset)
		}
		return a.Timestamp.Compare(b.Timestamp)
	})
	if len(records) > count {
		if from == "" {
			records = records[len(records)-count:]
		} else {
			records = records[:count]
		}
	}
	for _, r := range records {
		if err := show(r); err != nil {
			return err
		}
	}
	return nil
}

// peekFrom returns the offset to read from in each partition.
func peekFrom(ctx context.Context, adm *kadm.Client, topic, from string, count int64, starts, ends map[int32]int64) (map[int32]int64, error) {
	out := make(map[int32]int64, len(ends))
	switch from {
	case "":
		for p, end := range ends {
			out[p] = max(starts[p], end-count)
		}
		return out, nil
	case "start":
		return starts, nil
	case "end":
		return ends, nil
	}
	if offset, err := strconv.ParseInt(from, 10, 64); err == nil {
		if offset < 0 {
			return nil, fmt.Errorf("--from %s: an offset is not negative", from)
		}
		for p, start := range starts {
			out[p] = max(start, offset)
		}
		return out, nil
	}
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return nil, fmt.Errorf("--from %q: want start, end, an offset, or a time such as 2025-10-16T12:34:56Z", from)
	}
	listed, err := adm.ListOffsetsAfterMilli(ctx, at.UnixMilli(), topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s at %s: %w", topic, from, err)
	}
	listed.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out, nil
}

// topicRange returns the start and end offsets of a topic's partitions.
func topicRange(ctx context.Context, adm *kadm.Client, topic string) (starts, ends map[int32]int64, err error) {
	if starts, err = partitionOffsets(ctx, adm.ListStartOffsets, topic); err != nil {
		return nil, nil, err
	}
	ends, err = partitionOffsets(ctx, adm.ListEndOffsets, topic)
	return starts, ends, err
}

func partitionOffsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topic string) (map[int32]int64, error) {
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	out := make(map[int32]int64, len(listed[topic]))
	listed.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out, nil
}

// readUntil reads each partition up to the offset given for it.
func readUntil(ctx context.Context, cl *kgo.Client, until map[int32]int64) ([]*kgo.Record, error) {
	var out []*kgo.Record
	for len(until) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, reading := until[r.Partition]
			if !reading {
				return
			}
			if r.Offset < end && !r.Attrs.IsControl() {
				out = append(out, r)
			}
			if r.Offset >= end-1 {
				delete(until, r.Partition)
			}
		})
	}
	return out, nil
}

// peekNew shows the next count records as they come, until ctx ends.
func peekNew(ctx context.Context, cl *kgo.Client, count int, show func(*kgo.Record) error) error {
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if r.Attrs.IsControl() {
				continue
			}
			if err := show(r); err != nil {
				return err
			}
			if count--; count == 0 {
				return nil
			}
		}
	}
}

func showText(w io.Writer, r peeked) error {
	key := "(no key)"
	if r.Key != nil {
		key = *r.Key
	}
	value := string(r.Value)
	if r.ValueBase64 != "" {
		value = "(not JSON) " + r.ValueBase64
	}
	_, err := fmt.Fprintf(w, "%s  %s[%d]@%d  %s  %s\n  %s\n", r.Timestamp, r.Topic, r.Partition, r.Offset, cmp.Or(r.EventType, "(unknown type)"), key, value)
	return err
}

func peekRecord(r *kgo.Record, types func() *trestle.Types) peeked {
	out := peeked{
		Topic:     r.Topic,
		Partition: r.Partition,
		Offset:    r.Offset,
		EventType: recordEventType(r),
		Timestamp: r.Timestamp.UTC().Format(time.RFC3339Nano),
		Value:     json.RawMessage("null"),
	}
	if r.Key != nil {
		key := string(r.Key)
		out.Key = &key
	}
	if r.Value == nil {
		return out
	}
	value, err := recordJSON(r, types)
	if err != nil {
		out.ValueBase64 = base64.StdEncoding.EncodeToString(r.Value)
		return out
	}
	out.Value = value
	return out
}

// recordEventType is the type that a record's headers name, else its JSON.
func recordEventType(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == wire.HeaderEventType {
			return string(h.Value)
		}
	}
	var named struct {
		EventType string `json:"event_type"`
	}
	if json.Unmarshal(r.Value, &named) != nil {
		return ""
	}
	return named.EventType
}

// recordJSON is a record's value as JSON: its own text, or for protobuf the event's JSON.
func recordJSON(r *kgo.Record, types func() *trestle.Types) (json.RawMessage, error) {
	headers := make([]wire.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = wire.Header(h)
	}
	switch wire.Sniff(r.Value, headers) {
	case wire.Confluent:
		record := kafka.FromClient(r)
		text, err := protobufPayload(&record, types())
		return json.RawMessage(text), err
	case wire.FramedJSON:
		_, text, err := wire.ParseFramedJSON(r.Value)
		if err != nil {
			return nil, err
		}
		return checkedJSON(text)
	}
	return checkedJSON(r.Value)
}

func checkedJSON(text []byte) (json.RawMessage, error) {
	out, err := jsonio.AppendRaw(nil, jsonio.Raw(text))
	return json.RawMessage(out), err
}
