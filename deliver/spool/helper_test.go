package spool_test

import (
	"github.com/popsync/popsync/deliver/delivertest"
)

var (
	must     = delivertest.Must
	snapshot = delivertest.Snapshot
	refuses  = delivertest.Refuses
)
