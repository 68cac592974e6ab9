package schedule

// queue holds jobs that have not started. A job is ready when its host has room for it, which it then occupies until
// it is released; the others wait behind their own host only. Those for the slow lane occupy their host when they are taken.
type queue struct {
	perHost int
	jobs    []Job
	ready   []int
	slow    []int            // for the slow lane, in order
	waiting map[string][]int // by host, in order; only while all places of the host are occupied
	taken   map[string]int   // places of a host
}

func newQueue(perHost int, jobs []Job) *queue {
	q := &queue{perHost: perHost, jobs: jobs, waiting: map[string][]int{}, taken: map[string]int{}}
	for i, j := range jobs {
		q.again(i, j.Slow)
	}
	return q
}

// again lines a job up.
func (q *queue) again(i int, slow bool) {
	switch {
	case slow:
		q.slow = append(q.slow, i)
	case q.occupy(i):
		q.ready = append(q.ready, i)
	default:
		host := q.jobs[i].Host
		q.waiting[host] = append(q.waiting[host], i)
	}
}

// occupy takes a place of a job's host, if there is one.
func (q *queue) occupy(i int) bool {
	host := q.jobs[i].Host
	if q.perHost <= 0 || host == "" {
		return true
	}
	if q.taken[host] >= q.perHost {
		return false
	}
	q.taken[host]++
	return true
}

// take removes the next job that may start.
func (q *queue) take() (i int, ok bool) {
	if len(q.ready) == 0 {
		return 0, false
	}
	i, q.ready = q.ready[0], q.ready[1:]
	return i, true
}

// takeSlow is take for the slow lane.
func (q *queue) takeSlow() (i int, ok bool) {
	for at, i := range q.slow {
		if q.occupy(i) {
			q.slow = append(q.slow[:at:at], q.slow[at+1:]...)
			return i, true
		}
	}
	return 0, false
}

// release gives the place of a job that has ended to the next one of its host.
func (q *queue) release(i int) {
	host := q.jobs[i].Host
	if w := q.waiting[host]; len(w) > 0 {
		q.ready, q.waiting[host] = append(q.ready, w[0]), w[1:]
		return
	}
	if q.perHost > 0 && host != "" {
		q.taken[host]--
	}
}
