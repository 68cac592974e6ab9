package schedule

import "time"

// Set replaces all entries. What is known of those with the same name is kept, and when they are next due as well unless
// their timing or version has changed. An entry that is left out is forgotten; if it runs, its context ends with the
// cause ErrRemoved. Should it come back before that run has ended, it runs once more afterwards.
func (l *Loop) Set(entries []Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	named := make(map[string]bool, len(entries))
	for _, e := range entries {
		named[e.Name] = true
		l.set(e, now)
	}
	for name, j := range l.jobs {
		if !named[name] {
			l.remove(j)
		}
	}
	l.hosts.limit(l.jobs, l.o.PerHost)
	l.wake()
}

func (l *Loop) set(e Entry, now time.Time) {
	j := l.jobs[e.Name]
	if j == nil {
		j = &job{since: now, last: e.Last.Round(0), notBefore: e.NotBefore.Round(0), errand: e.Errand.Round(0), paused: e.Paused, slow: e.Slow}
		if j.last.After(now.Add(l.o.MaxWait)) {
			j.last = time.Time{}
		}
		j.owed = e.AtStart || j.last.IsZero() && e.Schedule.interval() > 0
		l.jobs[e.Name] = j
		j.take(e)
		l.plan(j, now, true)
		return
	}
	if j.Version != e.Version {
		j.notBefore, j.again, j.slow = time.Time{}, false, false
	}
	old := j.Entry
	j.take(e)
	if j.gone {
		j.gone, j.owed, j.paused = false, true, e.Paused
	} else if !sameTiming(old, j.Entry) {
		l.plan(j, now, true)
	}
}

// take makes e the job's entry.
func (j *job) take(e Entry) {
	if e.Location == nil {
		e.Location = time.Local
	}
	jitter := e.Jitter
	if every := e.Schedule.interval(); every > 0 {
		jitter = min(jitter, every) // else all with a longer offset would meet when it is due again
	}
	j.Entry, j.schedule, j.offset = e, e.Schedule.In(e.Location), offset(e.Name, jitter)
	if j.spread = j.offset; e.Spread > 0 {
		j.spread = offset(e.Name, min(e.Spread, jitter))
	}
}

// sameTiming tells that nothing has changed that decides when and where a job may run.
func sameTiming(a, b Entry) bool {
	return a.Schedule.String() == b.Schedule.String() && a.Location.String() == b.Location.String() &&
		a.Jitter == b.Jitter && a.Gap == b.Gap && a.Host == b.Host && a.Version == b.Version
}

func (l *Loop) remove(j *job) {
	l.unplan(j)
	if j.run == nil {
		delete(l.jobs, j.Name)
		return
	}
	j.gone, j.asked, j.owed = true, false, false
	j.run.cancel(ErrRemoved)
}
