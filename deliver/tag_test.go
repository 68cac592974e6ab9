package deliver_test

import (
	"testing"

	"github.com/popsync/popsync/deliver"
)

func TestTag(t *testing.T) {
	// The tag is a promise to later versions: it was computed with another tool.
	if got := deliver.Tag("work", "uid-1", 0); got != "qengnfgtx5crbycl" {
		t.Errorf("the tag is %s", got)
	}
	if deliver.Tag("a", "b", 1) == deliver.Tag("a", "b", 2) || deliver.Tag("a", "b", 1) == deliver.Tag("ab", "", 1) {
		t.Errorf("tags are equal")
	}
}
