package safepath

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPrivateGroup(t *testing.T) {
	const (
		passwd = "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nyou:x:1001:1001::/home/you:/bin/sh\n"
		group  = "root:x:0:\nme:x:1000:\nyou:x:1001:\n"
		local  = "passwd: files systemd\ngroup:  files [SUCCESS=merge] systemd # all\nhosts: dns\n"
		remote = "passwd: files sss\ngroup: files sss\n"
	)
	for name, tt := range map[string]struct {
		passwd, group, from string
		gid                 uint32
		mine                []int
		want                bool
	}{
		"own group":                       {passwd, group, local, 1000, []int{1000}, true},
		"own group, names from elsewhere": {passwd, group, remote, 1000, []int{1000}, true},
		"named in it oneself":             {passwd, "me:x:1000:me,root\n", local, 1000, []int{1000}, true},
		"another in it":                   {passwd, "me:x:1000:me,you\n", local, 1000, []int{1000}, false},
		"another's first group":           {passwd + "she:x:1002:1000::/:\n", group, local, 1000, []int{1000}, false},
		"not a group of ours":             {passwd, group, local, 1001, []int{1000}, false},
		"a volume's":                      {passwd, group, "", 2000, []int{1000, 2000}, true},
		"a volume's, in a bare container": {"", "", "", 2000, []int{2000}, true},
		"unknown, names from elsewhere":   {passwd, group, remote, 2000, []int{1000, 2000}, false},
		"all have it first":               {"me:x:1000:100::/:\nyou:x:1001:100::/:\n", "users:x:100:\n", local, 100, []int{100}, false},
		"alone in it":                     {"me:x:1000:100::/:\n", "users:x:100:\n", local, 100, []int{100}, true},
		"alone, names from elsewhere":     {"me:x:1000:100::/:\n", "users:x:100:\n", remote, 100, []int{100}, false},
		"two lines of one group":          {passwd, group + "team:x:1000:you\n", local, 1000, []int{1000}, false},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"passwd": tt.passwd, "group": tt.group, "nsswitch.conf": tt.from} {
			if text != "" {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := (names{dir}).private(tt.gid, 1000, tt.mine); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "passwd"), 0o755); err != nil {
		t.Fatal(err)
	}
	if (names{dir}).private(2000, 1000, []int{2000}) {
		t.Error("what cannot be read counts as nobody")
	}
}
