package schedule

// queue holds jobs that have not started. A job is ready when its host has room for it, which it then occupies until
// it is released; the others wait behind their own host only.
type queue struct {
	perHost int
	jobs    []Job
	ready   []int
	waiting map[string][]int // by host, in order; only while all places of the host are occupied
}

func newQueue(perHost int, jobs []Job) *queue {
	q := &queue{perHost: perHost, jobs: jobs, waiting: map[string][]int{}}
	taken := map[string]int{} // places of a host
	for i, j := range jobs {
		switch {
		case !q.limited(j):
			q.ready = append(q.ready, i)
		case taken[j.Host] < perHost:
			taken[j.Host]++
			q.ready = append(q.ready, i)
		default:
			q.waiting[j.Host] = append(q.waiting[j.Host], i)
		}
	}
	return q
}

func (q *queue) limited(j Job) bool { return q.perHost > 0 && j.Host != "" }

// take removes the next job that may start.
func (q *queue) take() (i int, ok bool) {
	if len(q.ready) == 0 {
		return 0, false
	}
	i, q.ready = q.ready[0], q.ready[1:]
	return i, true
}

// release gives the place of a job that has ended to the next one of its host.
func (q *queue) release(i int) {
	host := q.jobs[i].Host
	if w := q.waiting[host]; len(w) > 0 {
		q.ready, q.waiting[host] = append(q.ready, w[0]), w[1:]
	}
}

// rest gives all jobs that were never taken.
func (q *queue) rest() []int {
	left := q.ready
	for _, w := range q.waiting {
		left = append(left, w...)
	}
	return left
}
