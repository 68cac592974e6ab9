// Package profile measures a run of the program, in a build that is made for that (the build tag profile) and in no other: see
// docs/performance.md. cmd/popsync calls it first. It prints nothing, and panics if it cannot write.
package profile
