package uidl

// ParkedAfter is how many failed attempts, or endings in doubt, make a delivery parked. What was refused for good has as many
// attempts at once.
const ParkedAfter = 3

// Parked tells that a delivery failed too often, or was refused for good: it is tried again at NextTry, and seldom.
func (d Delivery) Parked() bool { return d.Attempts >= ParkedAfter || d.InDoubt >= ParkedAfter }

// PutOff tells that a delivery failed, whoever was to blame, and is not parked: it is tried again soon.
func (d Delivery) PutOff() bool {
	return !d.Parked() && (d.Attempts > 0 || d.InDoubt > 0 || d.Reason != "")
}

// Unfetched tells of a listed message that to fetch it failed: it is Parked, or tried again soon.
func (r Row) Unfetched() bool {
	return r.GoneAt == 0 && (r.State == Parked || r.State == Wanted && r.Attempts > 0)
}

// Stuck is a message that waits because something failed, or that a person gave up: see Ledger.Stuck.
type Stuck struct {
	Message
	Open []Delivery // all that are not settled, in their order, with those that did not fail
}

// Fails tells that something of it failed, and is to be tried again.
func (s *Stuck) Fails() bool {
	fails := s.Unfetched()
	for _, d := range s.Open {
		fails = fails || d.Parked() || d.PutOff()
	}
	return fails && !s.Have.GivenUp()
}
