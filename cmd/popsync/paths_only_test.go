package main_test

import (
	"go/types"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// byPath are functions that open, make, rename, change or remove what a path leads to, wherever that may be by now. The
// program goes by internal/safepath and by descriptors.
var byPath = regexp.MustCompile(`^(` + strings.Join([]string{
	`os\.(Open|OpenFile|OpenInRoot|OpenRoot|Create|CreateTemp|Mkdir|MkdirAll|MkdirTemp|Rename|Remove|RemoveAll|Chmod|Chown|Lchown|Chtimes|Truncate|Link|Symlink|ReadFile|WriteFile|ReadDir|DirFS|CopyFS|StartProcess)`,
	`\(\*os\.Root\)\.\w+`,
	`io/ioutil\.\w+`,
	`path/filepath\.(Glob|Walk|WalkDir)`,
	`(syscall|golang\.org/x/sys/unix)\.(Open|Openat|Openat2|OpenTree|Creat|Mkdir|Rename|Unlink|Rmdir|Chmod|Fchmodat|Fchmodat2|Chown|Lchown|Fchownat|Link|Symlink|Truncate|Mknod\w*|Mkfifo\w*|Utimes\w*|UtimesNanoAt\w*|Lutimes|Setxattr|Exec|ForkExec|StartProcess)`,
	`os/exec\.(Command|CommandContext|LookPath)`,
	`\(\*os/exec\.Cmd\)\.(Start|Run|Output|CombinedOutput)`,
	`net\.(ListenUnix|ListenUnixgram)`,
	`\(github\.com/emersion/go-maildir\.\w+\)\.\w+`,
}, "|") + `)$`)

// mayGoByPath lists where that is right nevertheless, by file and function, with the reason.
var mayGoByPath = map[string]string{
	"internal/safepath/group.go os.Open":                                 "the system's own files in /etc",
	"internal/safepath/group.go os.ReadFile":                             "the system's own files in /etc",
	"internal/memlimit/memlimit.go os.DirFS":                             "the system's own files in /proc and /sys",
	"internal/safepath/at.go golang.org/x/sys/unix.Openat":               "it is the place",
	"internal/durable/file.go golang.org/x/sys/unix.Openat":              "by descriptor, O_EXCL and O_NOFOLLOW",
	"internal/durable/barrier.go golang.org/x/sys/unix.Openat":           "the folder that is open already",
	"internal/safepath/at.go golang.org/x/sys/unix.Fchmodat":             "in a folder that is ours",
	"deliver/maildir/adopt.go (github.com/emersion/go-maildir.Dir).Init": "in a folder that safepath found ours",
	"internal/unixsocket/unixsocket.go net.ListenUnix":                   "in a folder that safepath found ours",
	"internal/program/program.go os/exec.LookPath":                       "what it found is judged by safepath before it runs",
	"internal/program/talk.go (*os/exec.Cmd).Start":                      "each caller has safepath judge it before",
	"internal/program/program.go (*os/exec.Cmd).Start":                   "each caller has safepath judge it before",
	"internal/program/environ.go os.ReadDir":                             "/dev/fd",
	"internal/verify/verify.go path/filepath.Glob":                       "only for names to show",
	"internal/verify/ledger.go path/filepath.Glob":                       "only for names to show",
	"internal/guard/nodump_linux.go os.ReadFile":                         "/proc/self",
	"internal/demo/show.go os.MkdirTemp":                                 "a folder of its own, which it removes",
	"internal/demo/show.go os.RemoveAll":                                 "the folder that it made",
	"internal/demo/gmail.go os.WriteFile":                                "in the folder that was made for it",
	"internal/demo/demo.go os.ReadDir":                                   "in the folder that was made for it",
	"internal/demo/demo.go os.ReadFile":                                  "in the folder that was made for it",
}

func TestNothingGoesByPath(t *testing.T) {
	exports := map[string]string{}
	var own []pkg
	for _, p := range goList(t, "-export", "-deps", "./cmd/popsync") {
		exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module+"/") && !strings.Contains(p.ImportPath, "/pop3/pop3test") {
			own = append(own, p)
		}
	}
	unused := map[string]bool{}
	for use := range mayGoByPath {
		unused[use] = true
	}
	for _, p := range own {
		fset, _, info := typed(t, p, exports)
		for id, object := range info.Uses {
			f, ok := object.(*types.Func)
			if !ok || !byPath.MatchString(f.FullName()) {
				continue
			}
			at := fset.Position(id.Pos())
			use := strings.TrimPrefix(p.ImportPath, module+"/") + "/" + filepath.Base(at.Filename) + " " + f.FullName()
			delete(unused, use)
			if _, ok := mayGoByPath[use]; !ok {
				t.Errorf("%s: goes by a path: use internal/safepath (%s)", at, use)
			}
		}
	}
	for use := range unused {
		t.Errorf("%s: is not there any more; does this test still see?", use)
	}
}
