//go:build !profile

package main

// profile does nothing but in a build that is made to be measured: see docs/performance.md.
func profile() func() { return func() {} }
