//go:build power && linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/bench/mailgen"
)

// A build that does not sync new/ after the renames must lose mail on two images. On one image the ledger's own sync
// takes the names along, so that only two can show it.
func TestPowerControlDirSync(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, fs := range usable(t) {
		for _, policy := range []string{"never", "after-delivery"} {
			for images := 1; images <= 2; images++ {
				t.Run(fmt.Sprintf("%s/images %d/%s", fs.name, images, policy), func(t *testing.T) {
					w := prepared(t, fs, images, program(t, "no-directory-sync"), policy, powerLoads[0])
					points := w.points(30)
					w.off()
					y := w.sweep(points, false, false)
					t.Log(y)
					if images == 2 && y.lost == 0 {
						t.Errorf("nothing was lost: these tests would not notice a missing directory sync")
					}
				})
			}
		}
	}
}

// A build that writes its state when the pass is over, as others do, must deliver mail twice.
func TestPowerControlLateState(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, fs := range usable(t) {
		for _, policy := range []string{"never", "after-delivery"} {
			t.Run(fmt.Sprintf("%s/images 2/%s", fs.name, policy), func(t *testing.T) {
				w := prepared(t, fs, 2, program(t, "late-state"), policy, powerLoads[0])
				points := w.points(30)
				w.off()
				y := w.sweep(points, false, false)
				t.Log(y)
				if y.twice == 0 {
					t.Errorf("nothing is there twice: these tests would not notice state that is written late")
				}
			})
		}
	}
}

// weak is a world whose Maildir's device runs out of space below the filesystem: journal and metadata can be written,
// new data cannot. heal gives the device all the space it needs.
func weak(t *testing.T, fs filesystem, bin string, n int) (w *powerWorld, heal func()) {
	t.Helper()
	w = newPowerWorld(t, fs, 1, bin, fmt.Sprintf("batch_messages = %d\nbatch_time = \"1m\"", n), "after-delivery",
		mailgen.Messages(13, n, 2000, 6000))
	ram := filepath.Join(w.dir, "thin")
	tmpfs(t, ram, "size=4g")
	d := &disk{fs: fs, image: filepath.Join(ram, "image"), mount: filepath.Join(w.dir, "thin-disk")}
	d.format(t)
	d.fill(t)
	t.Cleanup(func() { _ = unix.Unmount(d.mount, unix.MNT_DETACH) })
	w.disks = append(w.disks, d)
	old := w.maildirLine(w.disks[0])
	conf := strings.Replace(w.conf.String(), old, w.maildirLine(d), 1)
	w.conf.Reset()
	w.conf.WriteString(conf)
	w.on()
	// A first run with a few messages makes the places, and the filesystem's inodes and directory blocks.
	w.server.AddUser("u", "p", boxOf(mailgen.Messages(14, 40, 100, 200))...)
	w.run(0)
	for _, sub := range []string{"new", "tmp"} {
		files, _ := filepath.Glob(filepath.Join(w.maildir(), sub, "*"))
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.refill()
	w.off()
	w.on()
	if err := syncDisk(t, d.mount); err != nil {
		t.Fatal(err)
	}
	d.trim(t) // now its free blocks are holes in the image
	limit := func(extra int64) {
		var st unix.Statfs_t
		if err := unix.Statfs(ram, &st); err != nil {
			t.Fatal(err)
		}
		used := int64(st.Blocks-st.Bfree)*int64(st.Bsize) + extra
		if err := unix.Mount("", ram, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", used)); err != nil {
			t.Fatal(err)
		}
	}
	limit(0) // no hole can be filled
	return w, func() { limit(2 << 30) }
}

func (w *powerWorld) maildirLine(d *disk) string {
	return fmt.Sprintf("path = %q", filepath.Join(d.mount, "Mail"))
}

// onRead is an empty reader that does something when it is read.
type onRead func()

func (f onRead) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// staged counts the files in tmp that have at least so many octets.
func (w *powerWorld) staged(octets int64) (n int) {
	files, _ := filepath.Glob(filepath.Join(w.maildir(), "tmp", "*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Size() >= octets {
			n++
		}
	}
	return n
}

// writeError runs popsync while the device refuses the data of a batch when the kernel writes it by itself, and is
// sound again before popsync syncs. Nobody tells popsync but its own sync. Then the power is cut.
func writeError(t *testing.T, fs filesystem, bin string, n int) (code, lost, gone int) {
	t.Helper()
	w, heal := weak(t, fs, bin, n)
	failed := false
	// The last message is long, so that all others have come and are written when half of it is sent.
	last := &w.box[n-1]
	last.Data = append(last.Data, bytes.Repeat([]byte(bigLine), 6000)...)
	last.Size = int64(len(last.Data))
	last.Open = func() io.Reader {
		half := len(last.Data) / 2
		return io.MultiReader(bytes.NewReader(last.Data[:half]), onRead(func() {
			for range 500 {
				if w.staged(1000) == n {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			err := syncDisk(t, w.maildir())
			failed = err != nil
			t.Logf("%d files are staged; the kernel's write-back: %v", w.staged(1000), err)
			heal()
		}), bytes.NewReader(last.Data[half:]))
	}
	w.refill()
	r := w.popsync("run")
	t.Logf("popsync run: exit code %d %s", r.code, strings.TrimSpace(r.err))
	last.Open = nil
	gone = n - len(w.server.Messages("u"))
	if gone == 0 {
		w.refill()
	}
	if !failed {
		t.Fatal("the device wrote everything: nothing was tested")
	}
	w.powerCut()
	for range 2 {
		if r := w.popsync("run"); r.code != 0 {
			t.Errorf("after the cut: exit code %d\n%s", r.code, r.err)
		}
	}
	var messages [][]byte
	for _, m := range w.box {
		messages = append(messages, m.Data)
	}
	lost, twice := differ(wanted(messages...), arrived(t, w.maildir()))
	t.Logf("%d messages: %d deleted on the server by the run with the error; %d lost, %d twice or damaged", n, gone, lost, twice)
	return r.code, lost, gone
}

// writeErrors are the batches: below 16 files each is synced by itself, from 16 on one syncfs covers all.
var writeErrors = map[string]int{"an fsync each": 8, "one syncfs": 24}

// The data of a batch could not be written, and the kernel knew that before popsync synced.
func TestPowerWriteError(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, fs := range usable(t) {
		if fs.name == "btrfs" {
			continue // it writes new metadata to free blocks too, so that its data alone cannot be made to fail
		}
		for name, n := range writeErrors {
			t.Run(fs.name+"/"+name, func(t *testing.T) {
				code, lost, gone := writeError(t, fs, program(t, ""), n)
				if code != 75 || lost > 0 || gone > 0 {
					t.Errorf("exit code %d, %d lost, %d deleted on the server; want 75, 0, 0", code, lost, gone)
				}
			})
		}
	}
}

// A build that opens its descriptor for syncfs after the writes must lose them: the kernel tells it nothing.
func TestPowerControlLateSyncfs(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, fs := range usable(t) {
		if fs.name == "btrfs" {
			continue // it writes new metadata to free blocks too, so that its data alone cannot be made to fail
		}
		t.Run(fs.name, func(t *testing.T) {
			code, lost, gone := writeError(t, fs, program(t, "late-syncfs"), writeErrors["one syncfs"])
			if code != 0 || lost == 0 || gone == 0 {
				t.Errorf("exit code %d, %d lost, %d deleted: these tests would not notice a late descriptor", code, lost, gone)
			}
		})
	}
}
