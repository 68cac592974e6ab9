// Package metrics keeps the figures that monitoring reads: what passes did, how the accounts are now. It offers them
// over HTTP to this machine only, in the text format of Prometheus, and writes them to a file for node-exporter.
//
// It decides nothing, reads no ledger, logs nothing and knows no mail: a label holds an account's name or the class of
// a failure, never an address, a server's text or a unique-id. Nothing is global: each Metrics has a registry of its
// own. docs/metrics.md lists every metric.
package metrics

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Options are what a Metrics starts with.
type Options struct {
	Version string // for popsync_build_info
	Runtime bool   // also the metrics of the Go runtime and of the process (go_*, process_*)
	Refresh func() // called before the figures are read, to Set what changes between passes; nil: nothing does
}

// Metrics is all figures of one process. Its methods may be called from any goroutine.
type Metrics struct {
	reg     *prometheus.Registry
	refresh func()
	set
	mu    sync.Mutex // over known, so that an account that is gone cannot come back half
	known map[string]bool
}

// set is every metric. What has the label account exists for the known accounts only, from the start: a counter that
// appears with its first event hides that event from rate().
type set struct {
	lastSuccess, lastPass, consecutive         *prometheus.GaugeVec
	parked, putOff                             *prometheus.GaugeVec
	backlog, nextRun, paused, slow             *prometheus.GaugeVec
	messages, bytes, deleted, quarantined, bad *prometheus.CounterVec
	passTime                                   *prometheus.CounterVec
	duration                                   *prometheus.HistogramVec
	build, accounts, running                   prometheus.Gauge
}

// New returns a Metrics that knows no account: see Seed.
func New(o Options) *Metrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"account"})
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"account"}, labels...))
	}
	single := func(name, help string, labels prometheus.Labels) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	}
	if o.Refresh == nil {
		o.Refresh = func() {}
	}
	m := &Metrics{reg: prometheus.NewRegistry(), refresh: o.Refresh, known: map[string]bool{}, set: set{
		lastSuccess: gauge("popsync_last_success_timestamp_seconds", "When the last pass without failure ended; 0: never."),
		lastPass:    gauge("popsync_last_pass_timestamp_seconds", "When the last pass ended, whatever its outcome; 0: never."),
		messages:    counter("popsync_messages_total", "Messages delivered to every destination."),
		bytes:       counter("popsync_bytes_total", "Octets received for these messages."),
		deleted:     counter("popsync_deleted_total", "Messages whose deletion the server confirmed."),
		quarantined: counter("popsync_quarantined_total", "Messages that a destination refused and the fallback took."),
		bad:         counter("popsync_failures_total", "Passes that failed, by class: temporary, login, config, internal.", "class"),
		consecutive: gauge("popsync_consecutive_failures", "Passes in a row that failed; 0 after a success."),
		parked:      gauge("popsync_parked", "Messages that failed too often, or were refused for good, and are tried again seldom."),
		putOff:      gauge("popsync_put_off", "Messages that a destination has not taken yet and that are tried again soon."),
		backlog:     gauge("popsync_backlog", "Messages that are known and not at every destination yet."),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "popsync_pass_duration_seconds", Help: "How long passes took.",
			// From a mailbox without news on the local network to a first pass that fetches years of mail.
			Buckets: []float64{0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600},
		}, []string{"account"}),
		nextRun:  gauge("popsync_next_run_timestamp_seconds", "When the next pass is planned; 0: none is."),
		paused:   gauge("popsync_account_paused", "1 while a person has paused the account, else 0."),
		slow:     gauge("popsync_account_slow", "1 while an account's passes are made in the slow lane, else 0."),
		passTime: counter("popsync_pass_time_total", "Passes that were ended because they took as long as a pass may."),
		build:    single("popsync_build_info", "1; the label tells the version.", prometheus.Labels{"version": strings.ToValidUTF8(o.Version, "?")}),
		accounts: single("popsync_accounts", "Accounts in the configuration.", nil),
		running:  single("popsync_passes_running", "Passes that run at this moment.", nil),
	}}
	m.build.Set(1)
	m.reg.MustRegister(m.lastSuccess, m.lastPass, m.messages, m.bytes, m.deleted, m.quarantined, m.bad, m.consecutive,
		m.parked, m.putOff, m.backlog, m.duration, m.nextRun, m.paused, m.slow, m.passTime, m.build, m.accounts, m.running)
	if o.Runtime {
		m.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return m
}
