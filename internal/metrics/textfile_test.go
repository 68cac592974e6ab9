package metrics

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The program's umask lets nobody else read what it makes.
func TestTextfileIsForEverybody(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	path := filepath.Join(t.TempDir(), "popsync.prom")
	for range 2 { // made, then replaced
		if err := sample().WriteTextfile(path); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("%d files", len(list))
	}
	if err := sample().WriteTextfile(filepath.Join(path, "no", "x.prom")); !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
}

// A reader beside two writers sees whole files only, and may always open them.
func TestTextfileIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "popsync.prom")
	m := sample()
	want := text(t, m)
	if err := m.WriteTextfile(path); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for range 20 {
				if err := m.WriteTextfile(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for n := 0; ; n++ {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		_, err = f.WriteTo(&b)
		info, _ := f.Stat()
		f.Close()
		if err != nil || b.String() != want || info.Mode() != 0o644 {
			t.Fatalf("read %d of %d octets, mode %v, %v", b.Len(), len(want), info.Mode(), err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
