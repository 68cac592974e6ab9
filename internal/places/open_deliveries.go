package places

import (
	"slices"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/uidl"
)

// OpenElsewhere are the destinations that something is open for and that are not configured any more, by name, with how much is
// open. adopted: a Maildir that popsync does not know is accepted where another was known; else the next run refuses it, and
// the known one is only not there.
func OpenElsewhere(known []uidl.Destination, now []Place, pending []uidl.Delivery, adopted bool) (names []string, open map[string]int) {
	stays := staying(known, now, adopted)
	open = map[string]int{}
	for _, d := range pending {
		if stays[d.Destination] {
			continue
		}
		if open[d.Destination]++; open[d.Destination] == 1 {
			names = append(names, d.Destination)
		}
	}
	slices.Sort(names)
	return names, open
}

// staying are the names of known destinations that are configured.
func staying(known []uidl.Destination, now []Place, adopted bool) map[string]bool {
	stays := map[string]bool{}
	for i, k := range Known(known, now) {
		if k >= 0 {
			stays[known[k].Name] = true
			continue
		}
		for _, d := range known {
			here := now[i].Path != "" && Path(d.Identity) == deliver.Resolve(now[i].Path)
			if here && !adopted || now[i].Err != nil && (here || d.Name == now[i].Name) {
				stays[d.Name] = true
			}
		}
	}
	return stays
}
