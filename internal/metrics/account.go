package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Past is what the ledger remembers of an account from before this process.
type Past struct {
	LastSuccess, LastPass time.Time // zero: never
	Failures              int       // passes in a row that failed
}

// Pass is what one pass did. Counts are of messages.
type Pass struct {
	Account     string
	Ended       time.Time
	Duration    time.Duration
	Class       string // of the failure: temporary, login, config or internal; "" or "ok" when nothing failed
	Messages    int    // delivered to every destination
	Bytes       int64  // octets received for them
	Deleted     int    // on the server
	Quarantined int    // taken by the fallback
	PassTime    bool   // it was ended because it took as long as a pass may
}

// Gauges is how an account is now.
type Gauges struct {
	Parked  int       // messages that failed too often, or were refused for good, here or at a destination
	PutOff  int       // messages that a destination has not taken, and that are tried again soon
	Backlog int       // messages that are known and not at every destination yet
	NextRun time.Time // zero: none is planned
	Paused  bool      // by a person
	Slow    bool      // its passes are made in the slow lane
}

var classes = []string{"temporary", "login", "config", "internal"}

// Seed makes an account known, with what was before this process: without it every restart would look like an account
// that never worked. Only known accounts have figures. Of one that is known already nothing changes.
func (m *Metrics) Seed(account string, p Past) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[account] {
		return
	}
	m.known[account] = true
	m.accounts.Set(float64(len(m.known)))
	m.lastSuccess.WithLabelValues(account).Set(seconds(p.LastSuccess))
	m.lastPass.WithLabelValues(account).Set(seconds(p.LastPass))
	m.consecutive.WithLabelValues(account).Set(float64(p.Failures))
	for _, v := range []*prometheus.CounterVec{m.messages, m.bytes, m.deleted, m.quarantined, m.passTime} {
		v.WithLabelValues(account)
	}
	for _, c := range classes {
		m.bad.WithLabelValues(account, c)
	}
	m.duration.WithLabelValues(account)
	m.gauges(account, Gauges{})
}

// Pass counts one pass. That of an account that is not known, because it was removed while the pass ran, is dropped.
// An unknown class counts as temporary.
func (m *Metrics) Pass(p Pass) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known[p.Account] {
		return
	}
	m.lastPass.WithLabelValues(p.Account).Set(seconds(p.Ended))
	m.duration.WithLabelValues(p.Account).Observe(max(p.Duration, 0).Seconds())
	add(m.messages, p.Account, int64(p.Messages))
	add(m.bytes, p.Account, p.Bytes)
	add(m.deleted, p.Account, int64(p.Deleted))
	add(m.quarantined, p.Account, int64(p.Quarantined))
	if p.PassTime {
		add(m.passTime, p.Account, 1)
	}
	class := "temporary"
	switch p.Class {
	case "", "ok":
		m.lastSuccess.WithLabelValues(p.Account).Set(seconds(p.Ended))
		m.consecutive.WithLabelValues(p.Account).Set(0)
		return
	case "login", "config", "internal":
		class = p.Class
	}
	m.bad.WithLabelValues(p.Account, class).Inc()
	m.consecutive.WithLabelValues(p.Account).Inc()
}

// add ignores what would make a counter fall, which the library answers with a panic.
func add(v *prometheus.CounterVec, account string, n int64) {
	v.WithLabelValues(account).Add(float64(max(n, 0)))
}

// Set tells how a known account is now.
func (m *Metrics) Set(account string, g Gauges) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[account] {
		m.gauges(account, g)
	}
}

func (m *Metrics) gauges(account string, g Gauges) {
	m.parked.WithLabelValues(account).Set(float64(g.Parked))
	m.putOff.WithLabelValues(account).Set(float64(g.PutOff))
	m.backlog.WithLabelValues(account).Set(float64(g.Backlog))
	m.nextRun.WithLabelValues(account).Set(seconds(g.NextRun))
	m.paused.WithLabelValues(account).Set(flag(g.Paused))
	m.slow.WithLabelValues(account).Set(flag(g.Slow))
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// Forget removes every figure of an account that is not configured any more.
func (m *Metrics) Forget(account string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, account)
	m.accounts.Set(float64(len(m.known)))
	of := prometheus.Labels{"account": account}
	for _, v := range []*prometheus.GaugeVec{m.lastSuccess, m.lastPass, m.consecutive, m.parked, m.putOff, m.backlog, m.nextRun, m.paused, m.slow} {
		v.DeletePartialMatch(of)
	}
	for _, v := range []*prometheus.CounterVec{m.messages, m.bytes, m.deleted, m.quarantined, m.passTime, m.bad} {
		v.DeletePartialMatch(of)
	}
	m.duration.DeletePartialMatch(of)
}

// Begin counts a pass as running, until end is called; further calls of end do nothing.
func (m *Metrics) Begin() (end func()) {
	m.running.Inc()
	return sync.OnceFunc(m.running.Dec)
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
