package plan

// Memory is about what the plan takes, in octets, with what it takes to recognise messages.
func (p *Plan) Memory() int64 {
	const knownOctets, goneOctets, ownRowOctets, smallOctets, twinsAtOnce = 1100, 150, 112, 36, 6000
	known := len(p.Due) + len(p.Question) + min(p.Twins.Len(), twinsAtOnce) + len(p.Stumps) + len(p.Whole)
	rows := 0 // of steps that have one of their own: many only where a person asked for many again
	for i := range p.Fetch {
		if p.Fetch[i].Row != NoRow {
			rows++
		}
	}
	return int64(len(p.Fetch)+len(p.Skipped))*StepOctets + int64(rows)*ownRowOctets + int64(known)*knownOctets + int64(len(p.Gone))*goneOctets +
		int64(p.Twins.Len()+p.Back.Len()+p.DueLater.Len())*smallOctets
}

// Octets of memory for each message, besides the listing and the rows: its place in the order of unique-ids, and a step of the
// plan if it is to be fetched.
const (
	OrderOctets = 4
	StepOctets  = 56
)
