package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/omninode/trestle/cmd/trestle/ops"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
)

func newMonitor(p *folder) *cobra.Command {
	var c connections
	m := monitor{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "monitor",
		Short: "Hold dead letters, lag, response times and the cluster's partitions to their limits; exit 1 if one is passed",
		Long: `Monitor looks at the dead letters that are not resolved and at how many events become some, at how far the declared groups are behind, at partitions that lack
replicas or a leader, and, with a trace store, at how long 95 of 100 requests wait for their response at most. It holds them to the limits that trestle.yaml has
under monitor.limits: dead_letters (10 a topic), dead_letter_rate (0.01), lag (100 records), lag_ms (300000), response_ms (5000), under_replicated (0),
offline (0). Rates and response times are those of monitor.window (5m).

It looks once. With --every it goes on until it is stopped, shows what is passed, and with --listen serves all of it, and when secrets were
made and certificates end, as Prometheus metrics under /metrics.

When a threshold is passed, and when it is well again, it tells the topic and the webhook that trestle.yaml names under monitor.alerts, once each, however
often it looks or is started. A value is well again at half its limit, or once it was within the limit for monitor.alerts.settle (5m). With --every,
looks that fail three times in a row are told, too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			m.cmd = cmd
			if m.project, m.env, err = c.enter(p); err != nil {
				return err
			}
			if m.listen != "" && m.every == 0 {
				return errors.New("--listen needs --every: how often to look")
			}
			m.show = func(seen *ops.Monitored) error { return showMonitored(cmd, seen, asJSON) }
			m.options.Variable = os.Getenv
			m.options.Failed = func(err error) { fmt.Fprintln(cmd.ErrOrStderr(), "trestle:", err) }
			if m.alerting, err = ops.NewAlerting(cmd.Context(), m.project, m.env, m.options); err != nil {
				return err
			}
			defer m.alerting.Close()
			if m.every == 0 {
				return m.once()
			}
			return m.keep()
		},
	}
	c.addBrokers(cmd)
	c.addStore(cmd)
	cmd.Flags().DurationVar(&m.every, "every", 0, "look again after this time, until stopped")
	cmd.Flags().StringVar(&m.listen, "listen", "", "address to serve Prometheus metrics at, host:port")
	cmd.Flags().StringVar(&m.options.Webhook, "webhook", "", "URL to post alerts to (TRESTLE_WEBHOOK)")
	cmd.Flags().StringVar(&m.options.WebhookSecretFile, "webhook-secret-file", "", "file with the secret to send along (TRESTLE_WEBHOOK_SECRET_FILE; TRESTLE_WEBHOOK_SECRET has itself)")
	addJSON(cmd, &asJSON, "print the thresholds as JSON, one look a line with --every")
	return cmd
}

// monitor is one run of the command.
type monitor struct {
	cmd      *cobra.Command
	project  *ops.Project
	env      ops.Environment
	every    time.Duration
	listen   string
	options  ops.AlertOptions
	alerting *ops.Alerting
	show     func(*ops.Monitored) error
}

// once looks once. That somebody could not be told does not change the answer.
func (m *monitor) once() error {
	ctx := m.cmd.Context()
	seen, err := ops.NewMonitor(m.project, m.env).Look(ctx)
	if seen == nil {
		return err
	}
	if showErr := m.show(seen); showErr != nil {
		return showErr
	}
	told := m.alerting.Tell(ctx, seen)
	if len(seen.Passed()) > 0 {
		for _, err := range []error{err, told} {
			if err != nil {
				fmt.Fprintln(m.cmd.ErrOrStderr(), "trestle:", err)
			}
		}
		return errNo
	}
	return errors.Join(err, told)
}

func showMonitored(cmd *cobra.Command, m *ops.Monitored, asJSON bool) error {
	if asJSON {
		return showLine(cmd, m)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	for _, t := range m.Thresholds {
		state := "ok"
		if t.Passed {
			state = "PASSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\tof %s\n", state, t.Name, number(t.Value), number(t.Limit))
	}
	return w.Flush()
}

// number is a count as such, and a ratio with four digits.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64)
}

// keep looks again and again until the command is stopped. A look that fails is reported, and the next one made all the same.
func (m *monitor) keep() error {
	ctx := m.cmd.Context()
	metrics := newMonitorMetrics()
	if m.listen != "" {
		stop, err := m.serve(metrics)
		if err != nil {
			return err
		}
		defer stop()
	}
	looking := ops.NewMonitor(m.project, m.env)
	m.alerting.Start(ctx)
	looked, failed, inARow := 0, 0, 0
	defer func() { fmt.Fprintf(m.cmd.ErrOrStderr(), "looked %d times, %d of them failed\n", looked, failed) }()
	ticker := time.NewTicker(m.every)
	defer ticker.Stop()
	for {
		seen, err := looking.Look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		looked++
		if inARow++; err == nil {
			inARow = 0
		} else {
			failed++
		}
		looks := ops.FailedLooks(inARow)
		metrics.take(seen, err)
		if m.listen != "" {
			credentials, _ := m.env.Credentials(ctx)
			metrics.takeCredentials(credentials)
		}
		if seen != nil {
			if err := m.show(seen); err != nil {
				return err
			}
			looks.Time, looks.Thresholds = seen.Time, append(looks.Thresholds, seen.Thresholds...)
		}
		if err != nil {
			fmt.Fprintln(m.cmd.ErrOrStderr(), "trestle:", err)
		}
		m.alerting.Take(looks)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// serve serves metrics until stop is called.
func (m *monitor) serve(metrics *monitorMetrics) (stop func(), err error) {
	listener, err := net.Listen("tcp", m.listen)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	fmt.Fprintf(m.cmd.ErrOrStderr(), "metrics at http://%s/metrics\n", listener.Addr())
	return func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(m.cmd.Context()), time.Second)
		defer cancel()
		_ = server.Shutdown(closing)
		serving.Wait()
	}, nil
}

// monitorMetrics are what a monitor serves.
type monitorMetrics struct {
	registry      *prometheus.Registry
	value, limit  *prometheus.GaugeVec
	made, expires *prometheus.GaugeVec
	looked, fails prometheus.Counter
}

func newMonitorMetrics() *monitorMetrics {
	labels := []string{"measure", "of", "declared"}
	m := &monitorMetrics{
		registry: prometheus.NewRegistry(),
		value:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trestle_monitor_value", Help: "What was measured, of a topic, a group, an event type or the cluster; declared is what the schemas call it."}, labels),
		limit:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trestle_monitor_limit", Help: "What the value may come to."}, labels),
		looked:   prometheus.NewCounter(prometheus.CounterOpts{Name: "trestle_monitor_looks_total", Help: "How often the cluster was looked at."}),
		fails:    prometheus.NewCounter(prometheus.CounterOpts{Name: "trestle_monitor_failures_total", Help: "How often that failed, so that the values are older."}),
	}
	m.made = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trestle_monitor_credential_created_timestamp_seconds", Help: "When a secret's file was written, or a client's certificate began."}, []string{"credential"})
	m.expires = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trestle_monitor_certificate_expiry_timestamp_seconds", Help: "When a certificate ends: the client's, an authority's, a broker's or a registry's."}, []string{"credential"})
	m.registry.MustRegister(m.value, m.limit, m.made, m.expires, m.looked, m.fails)
	return m
}

func (m *monitorMetrics) take(seen *ops.Monitored, err error) {
	m.looked.Inc()
	if err != nil {
		m.fails.Inc()
	}
	if seen == nil {
		return
	}
	m.value.Reset() // what is not there any more is not served
	m.limit.Reset()
	for _, t := range seen.Thresholds {
		measure, of := t.Subject()
		m.value.WithLabelValues(measure, of, t.Declared).Set(t.Value)
		m.limit.WithLabelValues(measure, of, t.Declared).Set(t.Limit)
	}
}

// takeCredentials takes what the environment is entered by, as far as that could be looked at: of the rest, the doctor says why.
func (m *monitorMetrics) takeCredentials(all []ops.Credential) {
	m.made.Reset()
	m.expires.Reset()
	for _, c := range all {
		if !c.Since.IsZero() {
			m.made.WithLabelValues(c.Name).Set(float64(c.Since.Unix()))
		}
		if !c.Until.IsZero() {
			m.expires.WithLabelValues(c.Name).Set(float64(c.Until.Unix()))
		}
	}
}
