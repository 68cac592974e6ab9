//go:build !failpoint

package main

// beforeBody is a hook for tests; release builds have none.
var beforeBody func(uid string)
