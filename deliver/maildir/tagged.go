package maildir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/popsync/popsync/deliver/internal/disk"
)

// Tagged walks over the messages in new/ and cur/, of the Maildir and of its Maildir++ folders, that bear popsync's
// names. It calls want with each name's tag (see Tag), and where that says true, found with the message as it is
// stored, which is nil when it could not be opened and not to be used after found returned. Only what its reader left
// here is met. An error is *Error, the context's, or found's.
func (m *Target) Tagged(ctx context.Context, want func(tag string) bool, found func(tag string, body io.Reader) error) error {
	if err := m.ready("read"); err != nil {
		return err
	}
	if err := m.place.check(); err != nil {
		return err
	}
	w := &tagWalk{ctx: ctx, want: want, found: found}
	for _, sub := range []string{"new", "cur"} {
		if err := w.names(m.place, "", sub); err != nil {
			return err
		}
	}
	var folders []string
	err := disk.EachName(m.place.root, func(n string) error {
		if strings.HasPrefix(n, ".") {
			folders = append(folders, n)
		}
		return nil
	})
	if err != nil {
		return disk.Failed("read", m.place.path, err)
	}
	for _, folder := range folders {
		for _, sub := range []string{"new", "cur"} {
			if err := w.names(m.place, folder, sub); err != nil {
				return err
			}
		}
	}
	return nil
}

type tagWalk struct {
	ctx   context.Context
	want  func(string) bool
	found func(string, io.Reader) error
}

// names reads one directory. A folder that is no Maildir, or not ours to read, holds nothing.
func (w *tagWalk) names(p *place, folder, sub string) error {
	root := p.root
	if folder != "" {
		f, err := disk.OpenAt(p.root, folder, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return nil
		}
		defer f.Close()
		root = f
	}
	dir, err := disk.OpenAt(root, sub, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil && folder != "" {
		return nil
	} else if err != nil {
		return disk.Failed("read", p.path, err)
	}
	defer dir.Close()
	var mine error // of the context or of found: not the directory's
	err = disk.EachName(dir, func(file string) error {
		n, ok := ParseName(file)
		if !ok || !w.want(strings.Clone(n.Tag)) {
			return nil
		}
		if mine = w.ctx.Err(); mine != nil {
			return fs.SkipAll
		}
		// A reader may just have moved it: its name was here all the same.
		var body io.Reader
		f, err := disk.OpenAt(dir, file, unix.O_RDONLY|unix.O_NONBLOCK)
		if err == nil {
			defer f.Close()
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				body = f
			}
		}
		if mine = w.found(n.Tag, body); mine != nil {
			return fs.SkipAll
		}
		return nil
	})
	if mine != nil {
		return mine
	}
	if errors.Is(err, fs.ErrNotExist) && folder != "" {
		return nil
	}
	return disk.Failed("read", p.path, err)
}
