package config

import "time"

// Limits bound what one account may take, whatever its server does.
type Limits struct {
	Connect      time.Duration // to be connected
	TLSHandshake time.Duration // from the first byte of TLS to its last
	Reply        time.Duration // greeting and replies
	List         time.Duration // first line of the answers to STAT, UIDL and LIST
	Idle         time.Duration // between two reads of a message
	Quit         time.Duration // answer to QUIT
	Answer       time.Duration // waited in all for an answer of many lines, beside what its octets take at LeastRate
	LeastRate    int           // octets a second
	PassTime     time.Duration // of a pass as a whole
	SlowAfter    time.Duration // for which a pass keeps others waiting
	SlowRate     int           // octets a second below which it keeps them waiting a quarter as long

	StatusLine int64 // octets of a status line
	UID        int   // octets of a unique-id that are kept as they are
	Listing    int   // entries of a listing
	FreeSpace  int64 // octets that stay free at a destination

	SessionMessages int           // messages after which a session is closed, so that deletions count
	SessionTime     time.Duration // or its age
	BatchMessages   int           // messages made durable at once
	BatchSize       int64         // or octets of them
	BatchTime       time.Duration // or time since the first of them

	// Memory is what the listings of all accounts may take together, in octets; 0: a part of what there is ("auto").
	Memory int64

	BackoffMin time.Duration // before the first new try after a failure that may pass by itself; at most BackoffMax
	BackoffMax time.Duration // and before each further try after many of them
}

func defaultLimits() Limits {
	return Limits{
		Connect:      30 * time.Second,
		TLSHandshake: 30 * time.Second,
		Reply:        60 * time.Second,
		List:         180 * time.Second,
		Idle:         60 * time.Second,
		Quit:         10 * time.Second,
		Answer:       time.Hour,
		LeastRate:    1 << 10,
		PassTime:     12 * time.Hour,
		SlowAfter:    10 * time.Minute,
		SlowRate:     2 << 10,

		StatusLine: 8 << 10,
		UID:        512,
		Listing:    1_000_000,
		FreeSpace:  16 << 20,

		SessionMessages: 5_000,
		SessionTime:     15 * time.Minute,
		BatchMessages:   500,
		BatchSize:       8 << 20,
		BatchTime:       time.Second,

		BackoffMin: time.Minute,
		BackoffMax: time.Hour,
	}
}

// limitKeys gives the keys of [limits]. The least values are what a sound server needs: 512 octets for a status line
// (RFC 2449, section 4) and 70 for a unique-id (RFC 1939, section 7).
func limitKeys(l *Limits) keys {
	const most = 100_000_000
	return keys{
		"connect":       duration(&l.Connect),
		"tls_handshake": duration(&l.TLSHandshake),
		"reply":         duration(&l.Reply),
		"list":          duration(&l.List),
		"idle":          duration(&l.Idle),
		"quit":          duration(&l.Quit),
		"answer":        duration(&l.Answer),
		"least_rate":    rate(&l.LeastRate),
		"pass_time":     duration(&l.PassTime),
		"slow_after":    duration(&l.SlowAfter),
		"slow_rate":     rate(&l.SlowRate),

		"status_line": size(&l.StatusLine, 512),
		"uid":         integer(&l.UID, 70, 512),
		"listing":     integer(&l.Listing, 1, most),
		"free_space":  size(&l.FreeSpace, 0),

		"session_messages": integer(&l.SessionMessages, 1, most),
		"session_time":     duration(&l.SessionTime),
		"batch_messages":   integer(&l.BatchMessages, 1, 100_000),
		"batch_size":       size(&l.BatchSize, 1),
		"batch_time":       duration(&l.BatchTime),

		"memory": automatic(size(&l.Memory, 16<<20)),

		"backoff_min": duration(&l.BackoffMin),
		"backoff_max": duration(&l.BackoffMax),
	}
}

// rate accepts octets a second.
func rate(dst *int) convert {
	return func(v any) *fault {
		var n int64
		if f := size(&n, 1)(v); f != nil {
			return f
		}
		if f := within(n, 1, 1<<30); f != nil {
			return f
		}
		*dst = int(n)
		return nil
	}
}

// backoffOrder checks that the least wait is not the longer one. What was written is to blame, not a default.
func (r *report) backoffOrder(tree map[string]any, l Limits) {
	if l.BackoffMin <= l.BackoffMax || r.concerns(0, "limits.backoff_min") || r.concerns(0, "limits.backoff_max") {
		return
	}
	least, most := spoken(l.BackoffMin), spoken(l.BackoffMax)
	if m, _ := tree["limits"].(map[string]any); m["backoff_max"] == nil {
		r.add("limits.backoff_min", least+" is more than backoff_max, which is "+most, "raise backoff_max, too")
	} else {
		r.add("limits.backoff_max", most+" is less than backoff_min, which is "+least, "lower backoff_min, too")
	}
}

// automatic also accepts "auto", which leaves the default.
func automatic(other convert) convert {
	return func(v any) *fault {
		if v == "auto" {
			return nil
		}
		f := other(v)
		if f != nil && f.hint == sizeHint {
			f.hint = `write "auto", or a size: ` + f.hint
		}
		return f
	}
}
