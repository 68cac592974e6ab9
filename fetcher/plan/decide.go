package plan

import "github.com/popsync/popsync/uidl"

// lose counts a row that left the listing, of a message that some place has, or that a copy is on its way of.
func (p *Plan) lose(in *Input, r int) {
	rows := in.Rows
	switch row := rows.At(r); {
	case row.State == uidl.DeleteSent:
	case row.State == uidl.Delivered || rows.Kinds[row.Kind].Have.Destinations() != 0:
		p.LostKept++
	case len(in.Open) > 0 && in.Open[rows.Row(r).Key].Copies():
		p.LostKept++
	default:
		return
	}
	p.Lost = append(p.Lost, int32(r))
}

// isKept tells of a row, listed with this size, whether known could only keep it if policy keeps everything.
func (p *packed) isKept(size int64) bool {
	own := p.fullSize()
	return p.State == uidl.Delivered && p.goneAt == 0 && (own == size || own == 0 || size == 0)
}

// nameless deals with a message that nothing tells from others before it is read. To keep it would mean to read it in
// every pass; to delete it once it is delivered is safe, since it is recognised when it is read again.
func (p *Plan) nameless(in *Input, f FetchStep) {
	if in.Policy.Delete != DeleteAfterDelivery || in.NeverDelete || p.Newest(f.Num) {
		p.Skipped = append(p.Skipped, f)
		return
	}
	f.Nameless = true
	p.Wanted(in, f)
}

// missing deals with a row that the listing lacks.
func (p *Plan) missing(in *Input, r int) {
	row := in.Rows.At(r)
	if row.goneAt != 0 {
		age := in.Confirmed - int64(row.goneAt)
		p.Purge = p.Purge || age >= 90*24*3600
		if age < Lately {
			p.lose(in, r)
		}
		return
	}
	if in.Complete {
		p.Gone = append(p.Gone, int32(r))
		p.lose(in, r)
		if row.State == uidl.Delivered {
			p.LostNow++
		}
	}
}

// known deals with a listed message that has a row.
func (p *Plan) known(in *Input, k KnownStep, v verdictOfFacts) {
	// Where some place has it already, or a copy is on its way, only those that lack it are to get it.
	open, had := in.Open[k.Key], k.Row.Have.Destinations() != 0
	if k.Row.State == uidl.Parked && in.Waits(k.Row.NextTry) && (k.Row.GoneAt == 0 && !in.Elsewhere || had || open != nil) {
		p.Parked++
		return
	}
	switch {
	case k.Row.State == uidl.Held && (open == nil || open.Need(v.lacks) != 0):
		p.Back.add(p, k)
		return
	case (open != nil || had) && open.Need(v.lacks) != 0:
		p.Fetch = append(p.Fetch, FetchStep{Entry: k.Entry, Row: OwnRow(k.Row), Reason: WhyOf(reasonOwed), Owed: true})
		return
	case had && open != nil && open.Owing&^v.lacks != 0: // when it was staged there, no place had it
		p.Moot[k.Key] = open.Owing &^ v.lacks
		p.Pending++
		return
	case open != nil && (k.Row.GoneAt != 0 || k.Row.Size != k.Size && k.Row.Size != 0 && k.Size != 0):
		k.Reason = ReasonSize // on its way, and perhaps not what is listed
		p.Question = append(p.Question, k)
		return
	case open != nil:
		p.Pending++
		p.OnWay = append(p.OnWay, k.Key)
		return
	case had && (k.Row.State == uidl.Wanted || k.Row.State == uidl.Parked):
		k.Row.State, k.Row.Attempts, k.Row.NextTry = uidl.Delivered, 0, 0
		if in.Set.StoodIn(k.Row.Facts) {
			k.Row.NextTry = in.HoldUntil
		}
		p.Whole = append(p.Whole, k)
	}
	switch k.Row.State {
	case uidl.Parked:
		p.Wanted(in, FetchStep{Entry: k.Entry, Row: OwnRow(k.Row), Reason: WhyOf(reasonParked), Shared: k.Shared})
	case uidl.Wanted, uidl.Skipped:
		if k.Row.State == uidl.Skipped && !in.Elsewhere && in.Waits(k.Row.NextTry) && k.Row.Size == k.Size && in.Policy.MaxSize > 0 {
			p.Skipped = append(p.Skipped, FetchStep{Entry: k.Entry, Row: SkippedRow, Reason: WhyOf(ReasonTooLarge)})
			return
		}
		reason := reasonNew
		switch {
		case k.Row.Attempts > 0:
			reason = reasonRetry
		case AskedAgain(&k.Row):
			reason = ReasonAgain
		}
		p.Wanted(in, FetchStep{Entry: k.Entry, Row: OwnRow(k.Row), Reason: WhyOf(reason), Shared: k.Shared})
	default:
		p.delivered(in, k, v)
	}
}

// delivered deals with a listed message that is durable at every destination.
func (p *Plan) delivered(in *Input, k KnownStep, v verdictOfFacts) {
	due := in.Due(k.Row, k.Size) && !p.Newest(k.Num)
	done, short := in.Short[k.Key]
	if done {
		if due {
			p.Withheld[reasonStump]++
		}
		if k.Watched = true; !k.Shared {
			p.Stumps = append(p.Stumps, k)
			return
		}
		if k.Then = Stay; k.Row.GoneAt != 0 || k.Row.Size != k.Size && k.Row.Size != 0 && k.Size != 0 {
			k.Then = Ask
		}
		p.Twins.add(p, k) // what is watched goes by its place, and that says little: see recogniseTwins
		return
	}
	p.Waiting = p.Waiting || k.Row.NextTry != 0
	if due && v.keeps != "" {
		due = false
		p.Withheld[v.keeps]++
	}
	k.Then = Ask
	switch {
	case k.Row.GoneAt != 0:
		k.Reason = reasonReturned
	case k.Row.Size != k.Size && k.Row.Size != 0 && k.Size != 0:
		k.Reason = ReasonSize
	case in.Elsewhere && !in.Met[k.Key]:
		k.Reason = reasonElsewhere
	case short: // it was found to be another one, or was not recognised, and is to be read again
		k.Reason = ReasonShort
	case !due && k.Row.State == uidl.DeleteSent:
		// Policy has become to keep since DELE: what is listed may be a new message under the old unique-id.
		k.Reason = ReasonUndeleted
	case !due:
		k.Then = Stay
	case k.Row.State == uidl.DeleteSent:
		k.Reason, k.Then = ReasonUndeleted, Remove
	default:
		k.Reason, k.Then = reasonDue, Remove
	}
	if k.Shared {
		p.Twins.add(p, k) // its place in the listing says little: see recogniseTwins
		return
	}
	if k.Then == Remove && in.Deleted[k.Key] {
		p.Kept, p.Asked = p.Kept+1, p.Asked+1 // see asked
		return
	}
	p.Decide(k)
}

// Decide enters what is to be done with a delivered message.
func (p *Plan) Decide(k KnownStep) {
	if k.Watched {
		p.Stumps = append(p.Stumps, k)
		return
	}
	switch k.Then {
	case Ask:
		p.Question = append(p.Question, k)
	case Remove:
		if p.Due = append(p.Due, k); p.most > 0 && len(p.Due) >= 2*p.most {
			p.trimDue()
		}
	default:
		p.Kept++
		if p.Oldest == 0 || k.Row.FirstSeen < p.Oldest {
			p.Oldest = k.Row.FirstSeen
		}
	}
}

// Wanted deals with a message that is to be retrieved, unless it is too large.
func (p *Plan) Wanted(in *Input, f FetchStep) {
	if in.Policy.MaxSize > 0 && f.Size > in.Policy.MaxSize {
		f.Reason = WhyOf(ReasonTooLarge)
		if f.Row.State == uidl.Skipped && f.Row.Size == f.Size {
			f.Row = SkippedRow
		}
		p.Skipped = append(p.Skipped, f)
		return
	}
	p.Fetch = append(p.Fetch, f)
}
