package memlimit

import (
	"bytes"
	"math"
	"path"
	"strconv"
	"strings"
)

// Where control groups are mounted, without the slash in front. With version 2 beside version 1 there is no memory to be had
// in version 2.
const (
	cgroup2 = "sys/fs/cgroup"
	cgroup1 = "sys/fs/cgroup/memory"
)

// limitFiles are the files that may hold a limit of memory for a process, of its control group and of all above it. own is what
// /proc/self/cgroup has: "0::/path" for version 2, "4:memory:/path" for version 1. A container may see its own group as the
// root, and then the path names nothing: the root is among those that are looked at.
func limitFiles(own []byte) (files []string) {
	for line := range bytes.Lines(own) {
		fields := strings.SplitN(strings.TrimRight(string(line), "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		mount, names := "", []string(nil)
		switch {
		case fields[0] == "0" && fields[1] == "":
			mount, names = cgroup2, []string{"memory.max", "memory.high"}
		case strings.Contains(","+fields[1]+",", ",memory,"):
			mount, names = cgroup1, []string{"memory.limit_in_bytes"}
		default:
			continue
		}
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			for _, name := range names {
				files = append(files, path.Join(mount, dir, name))
			}
			if dir == "/" {
				break
			}
		}
	}
	return files
}

// limitIn reads such a file: a number of octets, or "max". Version 1 has a number that no machine has for none.
func limitIn(b []byte) int64 {
	const none = 1 << 60
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n <= 0 || n >= none {
		return math.MaxInt64
	}
	return n
}
