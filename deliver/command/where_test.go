package command

import "testing"

func TestWhere(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, ""}, {[]string{"/usr/bin/maildrop"}, "command /usr/bin/maildrop"}, {[]string{"/bin/x y", "--token", "hunter2"}, "command /bin/x y"},
	} {
		if got := (Options{Args: test.args, TempDir: "/tmp", Dir: "/home"}).Where(); got != test.want {
			t.Errorf("%q is at %q, want %q", test.args, got, test.want)
		}
	}
}
