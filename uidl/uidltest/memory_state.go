package uidltest

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/popsync/popsync/uidl"
)

// clone copies a state for a commit to change.
func (s *memoryState) clone() *memoryState {
	c := &memoryState{info: s.info, last: s.last, messages: map[uidl.Key]uidl.Message{},
		destinations: map[int]uidl.Destination{}, deliveries: map[deliveryKey]uidl.Delivery{}}
	maps.Copy(c.messages, s.messages)
	maps.Copy(c.destinations, s.destinations)
	maps.Copy(c.deliveries, s.deliveries)
	return c
}

func (s *memoryState) summary() uidl.Summary {
	gone, unsure, givenUp, of := 0, 0, 0, map[uidl.State]int{}
	for _, m := range s.messages {
		if m.GoneAt != 0 {
			gone++
			continue
		}
		of[m.State]++
		switch both := m.Have & (uidl.Seen | uidl.Unsure); both {
		case uidl.Unsure:
			unsure++
		case uidl.Seen | uidl.Unsure:
			givenUp++
		}
	}
	parked, putOff := s.open()
	return uidl.Summary{Info: copyInfo(s.info), Last: s.last, Destinations: s.byName(), Waiting: s.waiting(), Pending: len(s.deliveries), Gone: gone,
		Kept: of[uidl.Delivered], Wanted: of[uidl.Wanted], Parked: of[uidl.Parked] + parked, PutOff: putOff, Skipped: of[uidl.Skipped],
		Held: of[uidl.Held], Unsure: unsure, GivenUp: givenUp}
}

func (s *memoryState) waiting() (all []uidl.Waiting) {
	parked := map[string]string{} // greatest reason of those parked
	of := map[string]*uidl.Waiting{}
	for k, d := range s.deliveries {
		name := s.destinations[k.ordinal].Name
		w := of[name]
		if w == nil {
			w = &uidl.Waiting{Destination: name, Since: math.MaxInt64}
			of[name] = w
		}
		w.Deliveries++
		w.Since = min(w.Since, s.messages[d.Key].FirstSeen)
		w.Reason = max(w.Reason, d.Reason)
		switch {
		case d.Parked():
			w.Parked++
			parked[name] = max(parked[name], d.Reason)
			if w.NextTry == 0 || d.NextTry < w.NextTry {
				w.NextTry = d.NextTry
			}
		case d.PutOff():
			w.PutOff++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		of[name].Reason = cmp.Or(parked[name], of[name].Reason)
		all = append(all, *of[name])
	}
	return all
}

// open counts messages that are not parked themselves by the worst of their deliveries.
func (s *memoryState) open() (parked, putOff int) {
	worst := map[uidl.Key]int{}
	for k, d := range s.deliveries {
		role := s.destinations[k.ordinal].Role
		switch m := s.messages[d.Key]; {
		case role == uidl.NotConfigured, role == uidl.WasOptional:
		case m.State == uidl.Parked && m.GoneAt == 0:
		case d.Parked():
			worst[d.Key] = 2
		case d.PutOff():
			worst[d.Key] = max(worst[d.Key], 1)
		}
	}
	for _, n := range worst {
		if n == 2 {
			parked++
		} else {
			putOff++
		}
	}
	return parked, putOff
}

func (s *memoryState) byName() []uidl.Destination {
	return slices.SortedFunc(maps.Values(s.destinations), func(a, b uidl.Destination) int { return strings.Compare(a.Name, b.Name) })
}

// stuck are the messages of which something failed, and those that were given up.
func (s *memoryState) stuck() (all []uidl.Stuck) {
	of := map[uidl.Key]*uidl.Stuck{}
	for k, m := range s.messages {
		of[k] = &uidl.Stuck{Message: m}
	}
	for _, d := range s.pending() {
		of[d.Key].Open = append(of[d.Key].Open, d)
	}
	for _, st := range of {
		if st.Fails() || st.Have&(uidl.Seen|uidl.Unsure) == uidl.Seen|uidl.Unsure {
			all = append(all, *st)
		}
	}
	slices.SortFunc(all, func(a, b uidl.Stuck) int { return compareKeys(a.Key, b.Key) })
	return all
}

// pending is what is open, with what Pending tells of each message, in its order.
func (s *memoryState) pending() (all []uidl.Delivery) {
	for k, d := range s.deliveries {
		m := s.messages[d.Key]
		d.Destination, d.Message, d.Why, d.Octets = s.destinations[k.ordinal].Name, m.Facts, m.Reason, m.Octets
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b uidl.Delivery) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), compareKeys(a.Key, b.Key), strings.Compare(a.Destination, b.Destination))
	})
	return all
}

// ordinal finds a destination by its name; -1 when there is none.
func (s *memoryState) ordinal(name string) int {
	for _, d := range s.destinations {
		if d.Name == name {
			return d.Ordinal
		}
	}
	return -1
}
