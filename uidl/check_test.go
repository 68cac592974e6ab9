package uidl

import (
	"reflect"
	"testing"
)

// Empty must know every field of a Change: one that it forgets would never be written.
func TestEmptyKnowsAllFields(t *testing.T) {
	if c := (Change{At: 1, Put: []Message{}}); !c.Empty() {
		t.Error("not empty")
	}
	for i, c := range []Change{
		{Lift: 1}, {Generation: 1}, {Fold: make([]int, 1)}, {Vouch: true}, {Release: true}, {Move: make([]Moved, 1)}, {Remove: make([]Key, 1)},
		{Renew: make([]Message, 1)}, {Listed: true}, {Destinations: make([]Destination, 1)}, {Put: make([]Message, 1)},
		{Mark: make([]Mark, 1)}, {Gone: make([]Key, 1)}, {Back: make([]Key, 1)},
		{Stage: make([]Delivery, 1)}, {Settle: make([]Settled, 1)}, {Purge: true},
		{Status: &Status{}}, {Pass: &Pass{}},
	} {
		if c.Empty() {
			t.Errorf("%d: empty", i)
		}
	}
	if n := reflect.TypeFor[Change]().NumField(); n != 20 {
		t.Errorf("%d fields: one is not above", n)
	}
}
