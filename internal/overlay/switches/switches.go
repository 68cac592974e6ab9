// Package switches turns controls on in a program that was built with an overlay: see internal/overlay. Only the code that an
// overlay puts in calls it. The program that people run does not contain it.
package switches

import "os"

// Env is the environment variable that names the control which is on, in a program that was linked without one.
const Env = "POPSYNC_CONTROL"

// name is set by the linker: this control is on, and no other.
var name string

// On tells whether a control is on.
func On(control string) bool {
	if name != "" {
		return name == control
	}
	return os.Getenv(Env) == control
}
