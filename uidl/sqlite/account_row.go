package sqlite

import "github.com/popsync/popsync/uidl"

// infoColumns are the columns of an Info, in the order of scanInfo.
const infoColumns = `a.name, a.token, a.epoch, a.generation, a.listings, a.listed_at, a.succeeded_at, a.clock_confirmed,
	a.clock_aged, a.clock_ahead, a.clock_behind, a.clock_loose, a.next_try, a.failures, a.verdict, a.facts`

// scanInfo is where a query of infoColumns puts them.
func scanInfo(i *uidl.Info) []any {
	return []any{&i.Name, &i.Token, &i.Epoch, &i.Generation, &i.Listings, &i.ListedAt, &i.SucceededAt, &i.Confirmed,
		&i.Aged, &i.Ahead, &i.Behind, &i.Loose, &i.NextTry, &i.Failures, &i.Verdict, &i.Facts}
}

// destinationColumns are the columns of a Destination, in the order of scanDestination.
const destinationColumns = `t.ordinal, t.name, t.identity, t.role, t.born, t.since, t.rest`

func scanDestination(d *uidl.Destination) []any {
	return []any{&d.Ordinal, &d.Name, &d.Identity, &d.Role, &d.Born, &d.Since, &d.Rest}
}
