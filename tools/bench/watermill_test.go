package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	watermillkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
)

// watermillCallers is how many goroutines publish with Watermill at once: it waits for each message, so that one has no batches.
const watermillCallers = 1024

const watermillKey = "key"

// watermillPublish publishes the same records with Watermill, as safely: acknowledged by all replicas, each once.
func watermillPublish(b testing.TB, brokers []string, compression trestle.Compression, events []*codegenv1.CodegenAnalysisRequest) way {
	config := watermillkafka.DefaultSaramaSyncPublisherConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.RequiredAcks, config.Producer.Idempotent, config.Net.MaxOpenRequests = sarama.WaitForAll, true, 1
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	config.Producer.Compression = sarama.CompressionNone
	if compression == trestle.Gzip {
		config.Producer.Compression = sarama.CompressionGZIP
	}
	pub, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{
		Brokers: brokers, OverwriteSaramaConfig: config,
		Marshaler: watermillkafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) {
			return m.Metadata.Get(watermillKey), nil
		}),
	}, watermill.NopLogger{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := pub.Close(); err != nil {
			b.Error(err)
		}
	})
	return way{"watermill", func(n int) {
		var next atomic.Int64
		var callers sync.WaitGroup
		for range watermillCallers {
			callers.Go(func() {
				for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
					r, err := trestle.Encode(events[int(i)%len(events)], nil, trestle.EncodeOptions{})
					if err != nil {
						b.Error(err)
						return
					}
					m := message.NewMessage(r.Header("event-id"), r.Value)
					m.Metadata.Set(watermillKey, string(r.Key))
					for _, h := range r.Headers {
						m.Metadata.Set(h.Key, string(h.Value))
					}
					if err := pub.Publish(r.Topic, m); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		callers.Wait()
	}}
}

// watermillConsume consumes with Watermill in a group that acknowledges each message.
func watermillConsume(b testing.TB, brokers []string, types *trestle.Types, group func() string,
	handle func(context.Context, *codegenv1.CodegenAnalysisRequest) error,
) way {
	return way{"watermill", func(n int) {
		config := watermillkafka.DefaultSaramaSubscriberConfig()
		config.Consumer.Offsets.Initial = sarama.OffsetOldest
		sub, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
			Brokers: brokers, Unmarshaler: watermillkafka.DefaultMarshaler{}, ConsumerGroup: group(), OverwriteSaramaConfig: config,
		}, watermill.NopLogger{})
		if err != nil {
			b.Fatal(err)
		}
		messages, err := sub.Subscribe(b.Context(), analysisInfo.Topic.Name)
		if err != nil {
			b.Fatal(err)
		}
		for range n {
			m := <-messages
			r := trestle.Record{Topic: analysisInfo.Topic.Name, Value: m.Payload}
			for name, value := range m.Metadata {
				r.Headers = append(r.Headers, trestle.Header{Key: name, Value: []byte(value)})
			}
			decoded, err := trestle.Decode(&r, types, trestle.DecodeOptions{})
			if err != nil {
				b.Fatal(err)
			}
			if err := handle(b.Context(), decoded.Event.(*codegenv1.CodegenAnalysisRequest)); err != nil {
				b.Fatal(err)
			}
			m.Ack()
		}
		go func() { // it closes only while somebody takes what it has fetched
			for range messages {
			}
		}()
		if err := sub.Close(); err != nil {
			b.Fatal(err)
		}
	}}
}
