package kafka

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// clientLogger passes on what the Kafka client says, its everyday news as debug messages.
type clientLogger struct{ logger *slog.Logger }

// Level is what the client's own messages are made up to.
func (l clientLogger) Level() kgo.LogLevel {
	switch ctx := context.Background(); {
	case l.logger.Enabled(ctx, slog.LevelDebug-4):
		return kgo.LogLevelDebug
	case l.logger.Enabled(ctx, slog.LevelDebug):
		return kgo.LogLevelInfo
	case l.logger.Enabled(ctx, slog.LevelWarn):
		return kgo.LogLevelWarn
	default:
		return kgo.LogLevelError
	}
}

// Log passes one message on.
func (l clientLogger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	var as slog.Level
	switch level {
	case kgo.LogLevelError:
		as = slog.LevelError
	case kgo.LogLevelWarn:
		as = slog.LevelWarn
	case kgo.LogLevelInfo:
		as = slog.LevelDebug
	default:
		as = slog.LevelDebug - 4
	}
	l.logger.Log(context.Background(), as, "kafka: "+msg, keyvals...)
}
