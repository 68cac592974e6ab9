package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/uidl"
)

// NoteAway tells of deliveries that are open for a destination that was required and is configured no more. Nothing but a person's
// word ends that, in whatever pass, and their messages do not count as delivered before.
func (p *Destinations) NoteAway(ctx context.Context) error {
	away := func(name string) bool {
		return slices.ContainsFunc(p.Settler.Known, func(d uidl.Destination) bool { return d.Name == name && d.Role == uidl.NotConfigured })
	}
	if !slices.ContainsFunc(p.Settler.Known, func(d uidl.Destination) bool { return d.Role == uidl.NotConfigured }) {
		return nil
	}
	pending, err := p.Settler.L.Pending(ctx)
	if err != nil {
		return err
	}
	open := map[string]int{}
	for _, row := range pending {
		if away(row.Destination) {
			open[row.Destination]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(open)) {
		p.Rec.Befell(verdict.Verdict{Class: verdict.Config, Message: AwayText(name, open[name]),
			Hint: "configure it again, or say: popsync check --adopt " + p.Name + "; then the next run gives the copies to the destinations that lack these messages"})
	}
	return nil
}

// AwayText tells of deliveries that are open for a destination which is not configured any more.
func AwayText(destination string, deliveries int) string {
	if deliveries == 1 {
		return fmt.Sprintf("1 delivery is open for destination %s, which is not configured any more", destination)
	}
	return fmt.Sprintf("%d deliveries are open for destination %s, which is not configured any more", deliveries, destination)
}
