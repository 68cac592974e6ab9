package console

import (
	"slices"
	"testing"
)

// What is to be put right at once is, the latest first, and what was put right already is not.
func TestUndo(t *testing.T) {
	var u Undo
	var did []int
	for i := range 4 {
		done := u.Add(func() { did = append(did, i) })
		if i == 1 {
			done()
		}
	}
	if u.All(); !slices.Equal(did, []int{3, 2, 0}) {
		t.Errorf("%v", did)
	}
	var none *Undo
	none.Add(nil)()
	none.All()
}
