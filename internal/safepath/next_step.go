package safepath

import (
	"errors"
	"fmt"
)

// WithNextStep adds the next step to the text of an error that tells of a place that others can change; others pass through.
func WithNextStep(err error) error {
	if fault, ok := errors.AsType[*Error](err); ok {
		return fmt.Errorf("%w. Next step: %s", err, fault.Mend)
	}
	return err
}
