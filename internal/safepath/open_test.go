package safepath

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func opened(t *testing.T, dir string) *os.File {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestMakeDirs(t *testing.T) {
	w := newWorld(t, "01777 tmp/; 0757 bad/; file; there/; l -> /there")
	var synced []string
	sync := func(above *os.File) error {
		rel, _ := filepath.Rel(w.root, above.Name())
		synced = append(synced, rel)
		return nil
	}
	for path, want := range map[string]string{"tmp/a/b/c": "tmp tmp/a tmp/a/b", "there": "", "there/x": "there", "l/y": "there"} {
		synced = nil
		if there, err := Check(filepath.Join(w.root, path)); err != nil || !strings.HasPrefix(filepath.Join(w.root, path), there) {
			t.Errorf("%s: %s, %v", path, there, err)
		}
		d, err := MakeDirs(filepath.Join(w.root, path), sync)
		if err != nil {
			t.Fatal(err)
		}
		info, err := d.Stat()
		if err != nil || path != "there" && info.Mode().Perm() != 0o700 || strings.Join(synced, " ") != want {
			t.Errorf("%s: %v, %v, synced %q", path, info.Mode(), err, synced)
		}
		d.Close()
	}
	var fault *Error
	for path, want := range map[string]func(error) bool{
		"tmp":      func(err error) bool { return errors.As(err, &fault) }, // others may put something into it
		"bad/a/b":  func(err error) bool { return errors.As(err, &fault) && strings.HasSuffix(fault.Mend, "/bad") },
		"file":     func(err error) bool { return errors.Is(err, unix.ENOTDIR) },
		"file/a":   func(err error) bool { return errors.Is(err, unix.ENOTDIR) },
		"file/a/b": func(err error) bool { return errors.Is(err, unix.ENOTDIR) },
	} {
		if d, err := MakeDirs(filepath.Join(w.root, path), sync); !want(err) {
			t.Errorf("%s: %v, %v", path, d, err)
		}
		if _, err := Check(filepath.Join(w.root, path)); !want(err) {
			t.Errorf("Check %s: %v", path, err)
		}
	}
	if _, err := MakeDir(filepath.Join(w.root, "no/where"), sync); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("MakeDir made what it lies in: %v", err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	w := newWorld(t, "d/; f; l -> l; gone -> nowhere")
	w.must(unix.Mkfifo(filepath.Join(w.root, "fifo"), 0o600))
	for path, want := range map[string]error{"none": fs.ErrNotExist, "f/x": unix.ENOTDIR, "l": unix.ELOOP, "gone": fs.ErrNotExist} {
		if f, err := File(filepath.Join(w.root, path)); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
	for _, path := range []string{"d", "fifo"} { // neither waits for a writer
		f, err := File(filepath.Join(w.root, path))
		w.must(err)
		f.Close()
	}
	for path, want := range map[string]error{"none": fs.ErrNotExist, "d": ErrNotFile, "fifo": ErrNotFile, "f": ErrNotExecutable} {
		if err := Program(filepath.Join(w.root, path), true); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	w.must(os.Chmod(filepath.Join(w.root, "f"), 0o755))
	w.must(Program(filepath.Join(w.root, "f"), false))
	f, err := File("/dev/null")
	w.must(err)
	f.Close()
	w = newWorld(t, "0646 f; 0757 d/; d/f")
	if _, err := File(filepath.Join(w.root, "f")); err == nil {
		t.Error("a file for all")
	}
	f, _, err = Reach(filepath.Join(w.root, "f"))
	w.must(err)
	f.Close()
	if _, _, err := Reach(filepath.Join(w.root, "d/f")); err == nil {
		t.Error("a file in a folder for all")
	}
}

// A configuration may come from another program, by a descriptor.
func TestDescriptor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are below /proc on Linux only")
	}
	r, p, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := p.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	p.Close()
	f, err := File(fmt.Sprintf("/dev/fd/%d", r.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	w := newWorld(t, "0646 f")
	open := opened(t, filepath.Join(w.root, "f"))
	var fault *Error
	if _, err := File(fmt.Sprintf("/proc/self/fd/%d", open.Fd())); !errors.As(err, &fault) {
		t.Errorf("a file that all may write: %v", err)
	}
}

func TestWrittenInPlace(t *testing.T) {
	w := newWorld(t, "d/f; secret; d/two is also three; d/l -> ../secret; d/sub/")
	d := opened(t, filepath.Join(w.root, "d"))
	w.must(unix.Mkfifo(filepath.Join(w.root, "d", "fifo"), 0o600))
	for name, want := range map[string]func(error) bool{
		"f":    func(err error) bool { return err == nil },
		"new":  func(err error) bool { return err == nil },
		"l":    func(err error) bool { return errors.Is(err, unix.ELOOP) },
		"two":  func(err error) bool { var fault *Error; return errors.As(err, &fault) },
		"fifo": func(err error) bool { return errors.Is(err, unix.ENXIO) || errors.Is(err, ErrNotFile) },
		"sub":  func(err error) bool { return errors.Is(err, unix.EISDIR) },
	} {
		f, err := OpenOwn(d, name, os.O_WRONLY|os.O_CREATE, 0o600)
		if !want(err) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		if err == nil {
			f.Close()
		}
	}
	if f, err := OpenOurs(d, "two", os.O_WRONLY, 0); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	if os.Geteuid() == 0 {
		w.must(os.Chown(filepath.Join(w.root, "d", "f"), 12345, -1))
		var fault *Error
		if _, err := OpenOurs(d, "f", os.O_WRONLY, 0); !errors.As(err, &fault) {
			t.Errorf("another's file: %v", err)
		}
	}
}

func TestAppend(t *testing.T) {
	w := newWorld(t, "log/; 0757 all/; secret; log/l -> ../secret; all/l -> ../secret; secret2 is also all/h; all/f")
	for path, ok := range map[string]bool{"log/new": true, "log/l": true, "all/new": true, "all/f": true, "all/l": false, "all/h": false, "none/x": false} {
		f, err := Append(filepath.Join(w.root, path))
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			_, err = f.WriteString("line\n")
			w.must(err)
			w.must(f.Close())
		}
	}
	if b, err := os.ReadFile(filepath.Join(w.root, "all/f")); err != nil || string(b) != "all/fline\n" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestRemoveAt(t *testing.T) {
	w := newWorld(t, "d/f; d/sub/; d/full/x; keep; d/l -> ../keep")
	d := opened(t, filepath.Join(w.root, "d"))
	for _, name := range []string{"f", "sub", "l", "none"} {
		w.must(RemoveAt(d, name))
		if _, err := StatAt(d, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	if err := RemoveAt(d, "full"); err == nil {
		t.Error("a full folder went")
	}
	if _, err := os.Stat(filepath.Join(w.root, "keep")); err != nil {
		t.Error(err)
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{"/a/b-c_d.e": "/a/b-c_d.e", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "é": "'é'"} {
		if got := Quote(s); got != want {
			t.Errorf("%q: %s", s, got)
		}
	}
}
