//go:build !control_bypath

package durable

// chmodByPath is true only in a build which shows that the sweep of an intruder notices a mode that is changed by a path.
const chmodByPath = false
