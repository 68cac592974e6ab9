package schedule

import "time"

// SetLimits changes the limits that Options gave. What runs is left alone.
func (l *Loop) SetLimits(parallel, perHost, hostRate int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.o.Parallel, l.o.PerHost, l.o.HostRate = max(parallel, 1), perHost, hostRate
	l.hosts.limit(l.jobs, l.o.PerHost)
	l.wake()
}

// SetSlowAfter changes Options.SlowAfter.
func (l *Loop) SetSlowAfter(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.o.SlowAfter = d; d <= 0 {
		l.o.SlowAfter = defaultSlowAfter
	}
	l.wake()
}
