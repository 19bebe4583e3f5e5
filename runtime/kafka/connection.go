package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// DefaultClientID is the name under which brokers know a client whose connection names none.
const DefaultClientID = "trestle"

// Connection says how a cluster is reached. It holds nothing open: clients made with it do. Only Brokers are needed.
type Connection struct {
	// Brokers are addresses, host:port, of which one that answers is enough.
	Brokers []string
	// TLS encrypts connections; nil: they are plain. See [Connection.Secured] for certificates in files.
	TLS *tls.Config
	// Dial opens connections, encrypted or not, in place of TLS and of the client's own way; nil: it does not.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// SASL authenticates them, with the first of these mechanisms that the cluster takes.
	SASL []sasl.Mechanism
	// ClientID is the client's name in the brokers' logs and quotas; DefaultClientID where it is empty.
	ClientID string
	// Logger gets what the client says, its everyday news as debug messages, and each warning once a minute, with how many like
	// it were left out; while no broker answers that is one line. nil: nobody does.
	Logger *slog.Logger
	// Options are more options of the client. They come last, and so override all others.
	Options []kgo.Opt

	plain bool // Dial does not encrypt
}

// Client returns a client for the cluster, which the caller closes. It reads what is committed: no record of a
// transaction that is open or was aborted. The options come before those of the connection,
// which override them. It contacts nothing, and fails as [Connection.Validate] does.
func (c Connection) Client(opts ...kgo.Opt) (*kgo.Client, error) {
	if err := c.CheckBrokers(); err != nil {
		return nil, err
	}
	making.Lock()
	defer making.Unlock()
	client, err := kgo.NewClient(c.options(opts)...)
	if err != nil {
		return nil, fmt.Errorf("brokers %s: %w", strings.Join(c.Brokers, ","), err)
	}
	return client, nil
}

// Validate says what would be wrong with a client of these options: there are no brokers, an address is empty or none,
// or options contradict each other.
func (c Connection) Validate(opts ...kgo.Opt) error {
	if err := c.CheckBrokers(); err != nil {
		return err
	}
	making.Lock()
	defer making.Unlock()
	return kgo.ValidateOpts(c.options(opts)...)
}

// making is held while a client is made, which contacts nothing: kgo writes into the memory of options such as
// ProducerBatchCompression, and clients of one connection share that.
var making sync.Mutex

// CheckBrokers says whether there are brokers, and each has an address. One without a host is refused because the client
// would take it for localhost; without a port it is 9092.
func (c Connection) CheckBrokers() error {
	if len(c.Brokers) == 0 {
		return errors.New("no brokers given")
	}
	for i, address := range c.Brokers {
		host, _, err := net.SplitHostPort(address)
		switch {
		case strings.TrimSpace(address) == "":
			return fmt.Errorf("the address of broker %d of %d is empty", i+1, len(c.Brokers))
		case err == nil && strings.TrimSpace(host) == "":
			return fmt.Errorf("the address of broker %d of %d has no host: %q", i+1, len(c.Brokers), address)
		}
	}
	return nil
}

func (c Connection) options(opts []kgo.Opt) []kgo.Opt {
	all := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(cmp.Or(c.ClientID, DefaultClientID)),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	}
	watch := newReach(c.Logger)
	all = append(all, kgo.WithHooks(watch))
	if c.Logger != nil {
		all = append(all, kgo.WithLogger(clientLogger{slog.New(&limitedHandler{c.Logger.Handler(), watch})}))
	}
	switch {
	case c.Dial != nil:
		all = append(all, kgo.Dialer(c.Dial))
	case c.TLS != nil:
		all = append(all, kgo.DialTLSConfig(c.TLS))
	}
	if len(c.SASL) > 0 {
		all = append(all, kgo.SASL(c.SASL...))
	}
	return slices.Concat(all, opts, c.Options)
}
