package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
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
	var asJSON bool
	var every time.Duration
	var listen string
	cmd := &cobra.Command{
		Use:   "monitor",
		Short: "Hold dead letters, the groups' lag and the cluster's partitions to their limits; exit 1 if one is passed",
		Long: `Monitor looks at the dead letters that are not resolved, at how far the declared groups are behind, and at partitions that lack replicas or a leader, and holds
them to the limits that trestle.yaml has under monitor.limits: dead_letters (10 a topic), lag (100 records), lag_ms (300000), under_replicated (0), offline (0).

It looks once. With --every it goes on until it is stopped, shows what is passed, and with --listen serves all of it as Prometheus metrics under /metrics.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, env, err := c.enter(p)
			if err != nil {
				return err
			}
			if listen != "" && every == 0 {
				return errors.New("--listen needs --every: how often to look")
			}
			show := func(m *ops.Monitored) error { return showMonitored(cmd, m, asJSON) }
			if every == 0 {
				m, err := ops.Monitor(cmd.Context(), project, env)
				if err != nil {
					return err
				}
				if err := show(m); err != nil {
					return err
				}
				if len(m.Passed()) > 0 {
					return errNo
				}
				return nil
			}
			return keepMonitoring(cmd, project, env, every, listen, show)
		},
	}
	c.addBrokers(cmd)
	cmd.Flags().DurationVar(&every, "every", 0, "look again after this time, until stopped")
	cmd.Flags().StringVar(&listen, "listen", "", "address to serve Prometheus metrics at, host:port")
	addJSON(cmd, &asJSON, "print the thresholds as JSON, one look a line with --every")
	return cmd
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
		fmt.Fprintf(w, "%s\t%s\t%d\tof %d\n", state, t.Name, t.Value, t.Limit)
	}
	return w.Flush()
}

// keepMonitoring looks again and again until the command is stopped. A look that fails is told, and the next one made all the same.
func keepMonitoring(cmd *cobra.Command, p *ops.Project, env ops.Environment, every time.Duration, listen string, show func(*ops.Monitored) error) error {
	ctx := cmd.Context()
	metrics := newMonitorMetrics()
	if listen != "" {
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{}))
		server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		defer func() {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = server.Shutdown(closing)
			serving.Wait()
		}()
		fmt.Fprintf(cmd.ErrOrStderr(), "metrics at http://%s/metrics\n", listener.Addr())
	}
	looks, failed := 0, 0
	defer func() { fmt.Fprintf(cmd.ErrOrStderr(), "looked %d times, %d of them failed\n", looks, failed) }()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		m, err := ops.Monitor(ctx, p, env)
		if ctx.Err() != nil {
			return nil
		}
		looks++
		metrics.take(m, err)
		if err == nil {
			err = show(m)
		}
		if err != nil {
			failed++
			fmt.Fprintln(cmd.ErrOrStderr(), "trestle:", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// monitorMetrics are what a monitor serves.
type monitorMetrics struct {
	registry      *prometheus.Registry
	value, limit  *prometheus.GaugeVec
	looked, fails prometheus.Counter
}

func newMonitorMetrics() *monitorMetrics {
	labels := []string{"measure", "of"}
	m := &monitorMetrics{
		registry: prometheus.NewRegistry(),
		value:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trestle_monitor_value", Help: "What was measured, of a topic, a group or the cluster."}, labels),
		limit:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trestle_monitor_limit", Help: "What the value may come to."}, labels),
		looked:   prometheus.NewCounter(prometheus.CounterOpts{Name: "trestle_monitor_looks_total", Help: "How often the cluster was looked at."}),
		fails:    prometheus.NewCounter(prometheus.CounterOpts{Name: "trestle_monitor_failures_total", Help: "How often that failed, so that the values are older."}),
	}
	m.registry.MustRegister(m.value, m.limit, m.looked, m.fails)
	return m
}

func (m *monitorMetrics) take(seen *ops.Monitored, err error) {
	m.looked.Inc()
	if err != nil {
		m.fails.Inc()
		return
	}
	m.value.Reset() // what is not there any more is not served
	m.limit.Reset()
	for _, t := range seen.Thresholds {
		measure, of := t.Subject()
		m.value.WithLabelValues(measure, of).Set(float64(t.Value))
		m.limit.WithLabelValues(measure, of).Set(float64(t.Limit))
	}
}
