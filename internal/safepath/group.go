package safepath

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A group is private when nobody but this user and root is in it: what it may write is ours all the same. Many systems
// give each user a group of his own and a umask of 002, and a container's volumes come with a group for the container.
//
// The group must be one of this process's. No other user may have it as his first group (/etc/passwd), and none may be
// named as a member (/etc/group). Those files say all there is where names come from nowhere else (/etc/nsswitch.conf); a
// user's first group that has his name is his own wherever names come from.
func private(gid uint32) bool {
	return groupFiles && names{"/etc"}.private(gid, os.Geteuid(), groups())
}

// groups are those of this process.
func groups() []int {
	all, _ := os.Getgroups() // none: then only the first counts
	return append(all, os.Getegid())
}

// names are the files in which the system's users and groups stand, in a folder.
type names struct{ dir string }

func (n names) private(gid uint32, uid int, mine []int) bool {
	if !slices.Contains(mine, int(gid)) {
		return false
	}
	users, ok := n.lines("passwd", 7)
	if !ok {
		return false
	}
	lists, ok := n.lines("group", 4)
	if !ok {
		return false
	}
	id, my := strconv.FormatUint(uint64(gid), 10), strconv.Itoa(uid)
	name, first := "", false // of this user, and whether this is his first group
	for _, f := range users {
		switch {
		case f[2] == my:
			name, first = f[0], f[3] == id
		case f[3] == id && f[2] != "0":
			return false
		}
	}
	own := false
	for _, f := range lists {
		if f[2] != id {
			continue
		}
		for member := range strings.SplitSeq(f[3], ",") {
			if member != "" && member != "root" && member != name {
				return false
			}
		}
		own = own || first && f[0] == name
	}
	return own || n.local()
}

// local tells whether users and groups come from files alone. Those of systemd have groups of their own.
func (n names) local() bool {
	text, err := os.ReadFile(n.dir + "/nsswitch.conf")
	if err != nil {
		return os.IsNotExist(err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		what, from, _ := strings.Cut(strings.TrimSpace(line), ":")
		if what != "passwd" && what != "group" && what != "initgroups" {
			continue
		}
		for _, source := range strings.Fields(from) {
			if source != "files" && source != "systemd" && !strings.HasPrefix(source, "[") && !strings.HasSuffix(source, "]") {
				return false
			}
		}
	}
	return true
}

// lines gives the fields of each line, of a file that may be missing. ok: all was read.
func (n names) lines(file string, fields int) (all [][]string, ok bool) {
	f, err := os.Open(n.dir + "/" + file)
	if err != nil {
		return nil, os.IsNotExist(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if list := strings.Split(s.Text(), ":"); len(list) == fields {
			all = append(all, list)
		}
	}
	return all, s.Err() == nil
}
