package memlimit

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	const none = int64(math.MaxInt64)
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no cgroups", nil, none},
		{"version 2, own", map[string]string{"proc/self/cgroup": "0::/system.slice/popsync.service\n",
			"sys/fs/cgroup/system.slice/popsync.service/memory.max": "1073741824\n", "sys/fs/cgroup/system.slice/popsync.service/memory.high": "max\n"}, 1 << 30},
		{"version 2, high", map[string]string{"proc/self/cgroup": "0::/a\n",
			"sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/memory.high": "900\n"}, 900},
		{"version 2, a parent", map[string]string{"proc/self/cgroup": "0::/a/b/c\n",
			"sys/fs/cgroup/a/b/c/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "500\n"}, 500},
		{"version 2, the root of a container", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "700\n"}, 700},
		{"version 2, another view", map[string]string{"proc/self/cgroup": "0::/docker/0123\n", "sys/fs/cgroup/memory.max": "700\n"}, 700},
		{"version 1", map[string]string{"proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/a/b\n0::/\n",
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n"}, 4096},
		{"version 1, none", map[string]string{"proc/self/cgroup": "4:hugetlb,memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, none},
		{"nonsense", map[string]string{"proc/self/cgroup": "0::/../../../etc\nx\n::\n0::\n", "sys/fs/cgroup/memory.max": "-1\n", "sys/fs/cgroup/etc/memory.max": "0\n"}, none},
	} {
		root := fstest.MapFS{}
		for name, text := range tt.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryLimit(root); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		configured, limit, want int64
	}{
		{0, 1 << 30, 512 << 20},
		{100 << 20, 1 << 30, 100 << 20},
		{0, 10 << 20, leastBudget},
		{0, math.MaxInt64, max(machineMemory()/shareOfMachine, leastBudget)},
		{64 << 20, math.MaxInt64, 64 << 20},
	} {
		if got := budgetOf(tt.configured, tt.limit); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
	if m := machineMemory(); m < 64<<20 {
		t.Errorf("the machine has %d octets", m)
	}
}

// FuzzControlGroups reads what the kernel says of control groups, and wants paths below their mounts alone, each once.
func FuzzControlGroups(f *testing.F) {
	f.Fuzz(func(t *testing.T, own, limit []byte) {
		files := limitFiles(own)
		for i, name := range files {
			if !strings.HasPrefix(name, cgroup2+"/") || slices.Contains(strings.Split(name, "/"), "..") || slices.Contains(files[:i], name) && strings.Count(string(own), "\n") < 1 {
				t.Fatalf("%q in %q", name, files)
			}
		}
		if n := limitIn(limit); n <= 0 {
			t.Fatal(n)
		}
	})
}
