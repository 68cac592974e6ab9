package fetcher

import (
	"iter"

	"github.com/popsync/popsync/fetcher/plan"
	"github.com/popsync/popsync/pop3"
)

// chosen are those of the messages that a baseline would mark that a Chooser chooses.
func chosen(choose Chooser, list *pop3.Listing, seen plan.Picked) (plan.Picked, error) {
	listed := func(yield func(string) bool) {
		for e := range list.All() {
			if e.HasUID && !yield(e.UID) {
				return
			}
		}
	}
	unknown := func(yield func(string) bool) {
		for i := range seen.Len() {
			if !yield(seen.At(i).Key.UID) {
				return
			}
		}
	}
	of, err := choose(iter.Seq[string](listed), iter.Seq[string](unknown))
	if err != nil {
		return plan.Picked{}, err
	}
	return seen.Of(of), nil
}
