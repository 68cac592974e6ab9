//go:build power && linux && (amd64 || arm64)

package acceptance_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filesystem is a kind of filesystem that the power-cut tests make images of.
type filesystem struct {
	name string
	size int64    // of an image, octets; images are sparse
	mkfs []string // the image's path is added
	// options let the kernel write as little as possible by itself, so that what nobody synced is lost.
	options string
}

var filesystems = []filesystem{
	{"ext4", 64 << 20, []string{"mkfs.ext4", "-q", "-F"}, "commit=600"},
	{"xfs", 320 << 20, []string{"mkfs.xfs", "-q", "-f"}, "nouuid"},
	{"btrfs", 256 << 20, []string{"mkfs.btrfs", "-q", "-f"}, "commit=300"},
}

// disk is a loop-mounted image file. What its file holds is what reached the device: pages that the mounted filesystem
// has not written yet are in other caches. A copy of the file is what a power cut leaves.
type disk struct {
	fs    filesystem
	image string
	mount string
	stat  string // of the loop device; "" while not mounted
}

// format makes the image.
func (d *disk) format(t testing.TB) {
	t.Helper()
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, d.fs.size); err != nil {
		t.Fatal(err)
	}
	args := append(d.fs.mkfs[1:len(d.fs.mkfs):len(d.fs.mkfs)], d.image)
	if out, err := exec.Command(d.fs.mkfs[0], args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", d.fs.mkfs[0], err, out)
	}
}

// on mounts the image; the loop device goes with the mount.
func (d *disk) on(t testing.TB) {
	t.Helper()
	dev, err := loop(d.image)
	if err != nil {
		t.Fatalf("a loop device for %s: %v", d.image, err)
	}
	defer dev.Close()
	if err := os.MkdirAll(d.mount, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(dev.Name(), d.mount, d.fs.name, unix.MS_NOATIME, d.fs.options); err != nil {
		t.Fatalf("mounting %s: %v", d.fs.name, err)
	}
	d.stat = filepath.Join("/sys/block", filepath.Base(dev.Name()), "stat")
}

func (d *disk) off(t testing.TB) {
	t.Helper()
	if err := unix.Unmount(d.mount, 0); err != nil {
		t.Fatalf("unmounting %s: %v", d.mount, err)
	}
	d.stat = ""
}

// loop attaches a file to a free loop device, which is freed when nobody has it open or mounted.
func loop(image string) (*os.File, error) {
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		dev, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(dev.Fd()), &unix.LoopConfig{
			Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}})
		if err == nil {
			return dev, nil
		}
		dev.Close()
		if !errors.Is(err, unix.EBUSY) { // EBUSY: somebody else took it meanwhile
			return nil, err
		}
	}
}

// written is how much was written to the device, and whether something is on its way to it.
func (d *disk) written(t testing.TB) (sum string, busy bool) {
	t.Helper()
	b, err := os.ReadFile(d.stat)
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b)) // fields 5 to 9: writes done, merged, sectors, time, requests in flight
	return f[4] + " " + f[6], f[8] != "0"
}

// cutPower copies the images as they are, mounted, and returns the copies' paths. Nothing was written to any of the
// devices from the beginning of the first copy to the end of the last, so that they show one moment.
func cutPower(t testing.TB, disks []*disk) (copies []string) {
	t.Helper()
	for range 1000 {
		before, still := "", true
		for _, d := range disks {
			sum, busy := d.written(t)
			before, still = before+sum+"|", still && !busy
		}
		copies = copies[:0]
		for _, d := range disks {
			copyImage(t, d.image, d.image+".cut")
			copies = append(copies, d.image+".cut")
		}
		after := ""
		for _, d := range disks {
			sum, busy := d.written(t)
			after, still = after+sum+"|", still && !busy
		}
		if still && before == after {
			return copies
		}
	}
	t.Fatal("the devices do not come to rest")
	return nil
}

// copyImage copies a sparse file.
func copyImage(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := out.Truncate(info.Size()); err != nil {
		t.Fatal(err)
	}
	chunk, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); at < info.Size(); {
		data, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if at, err = unix.Seek(int(in.Fd()), data, unix.SEEK_HOLE); err != nil {
			t.Fatal(err)
		}
		for ; data < at; data += int64(len(chunk)) {
			piece := chunk[:min(int64(len(chunk)), at-data)]
			if _, err := in.ReadAt(piece, data); err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(piece, zeros[:len(piece)]) {
				continue // a hole does as well
			}
			if _, err := out.WriteAt(piece, data); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// fill gives the image all its blocks: the mkfs leaves holes even for the journal.
func (d *disk) fill(t testing.TB) {
	t.Helper()
	b, err := os.ReadFile(d.image)
	if err == nil {
		err = os.WriteFile(d.image, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// trim gives every free block of the mounted filesystem back, so that the image has holes there.
func (d *disk) trim(t testing.TB) {
	t.Helper()
	dir, err := os.Open(d.mount)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	const fitrim = 0xc0185879 // FITRIM of linux/fs.h
	span := struct{ start, length, least uint64 }{0, ^uint64(0), 0}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), fitrim, uintptr(unsafe.Pointer(&span))); e != 0 {
		t.Fatalf("trimming %s: %v", d.fs.name, e)
	}
	// xfs goes on in the background.
	for was, same := int64(-1), 0; same < 10; time.Sleep(20 * time.Millisecond) {
		var st unix.Stat_t
		if err := unix.Stat(d.image, &st); err != nil {
			t.Fatal(err)
		}
		if same++; st.Blocks != was {
			was, same = st.Blocks, 0
		}
	}
}

// syncDisk writes everything, as the kernel may do by itself at any time. The error is the kernel's.
func syncDisk(t testing.TB, path string) error {
	t.Helper()
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	return unix.Syncfs(int(dir.Fd()))
}
