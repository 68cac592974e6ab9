package decisions

import (
	"strings"

	"github.com/popsync/popsync/internal/exit"
)

// Destination is one of an account's, as it is configured.
type Destination struct {
	Name               string
	Required, Fallback bool
}

// Required refuses what is no required destination of an account: of no other is asked that it has a message.
func Required(account string, all []Destination, destination string) error {
	var names []string
	for _, d := range all {
		switch {
		case d.Name != destination:
			if d.Required && !d.Fallback {
				names = append(names, d.Name)
			}
		case d.Fallback:
			return exit.Errorf(exit.Usage, "%s is a fallback: it takes what others refuse, and no other mail", destination)
		case !d.Required:
			return exit.Errorf(exit.Usage, "%s is one best effort (required = false): nothing is fetched again for it, and nothing is kept for its sake", destination)
		default:
			return nil
		}
	}
	return exit.Errorf(exit.Usage, "account %s has no destination %q; those that mail must get to are: %s", account, destination, strings.Join(names, ", "))
}
