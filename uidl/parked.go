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
