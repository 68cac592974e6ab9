package nextstep

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestOf(t *testing.T) {
	err := fmt.Errorf("state_dir: %w", With(With(fs.ErrPermission, "inner"), "outer"))
	if Of(err) != "outer" || !errors.Is(err, fs.ErrPermission) || err.Error() != "state_dir: permission denied" {
		t.Errorf("%q, %v", Of(err), err)
	}
	for _, err := range []error{nil, fs.ErrPermission, With(fs.ErrPermission, "")} {
		if step := Of(err); step != "" {
			t.Errorf("%v: %q", err, step)
		}
	}
}
