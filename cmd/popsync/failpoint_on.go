//go:build failpoint

package main

import "os"

// beforeBody makes a test build panic at one message.
var beforeBody = func(uid string) {
	if uid == os.Getenv("POPSYNC_PANIC_AT") {
		panic("failpoint")
	}
}
