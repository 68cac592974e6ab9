package safepath

import (
	"os"

	"golang.org/x/sys/unix"
)

// trusted tells whose files are taken for our own: root could do anything anyway.
func trusted(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }

// othersWrite tells whether others can write to an open folder; nil: they cannot.
func (w *walker) othersWrite(f *folder, st *unix.Stat_t) *Error {
	return w.othersCan(fdPath(f.fd), f.path, st)
}

// othersCan is for what is at a path that others cannot change; path is what people know it by.
func (w *walker) othersCan(at, path string, st *unix.Stat_t) *Error {
	mode := uint32(st.Mode)
	bits := mode & 0o022
	if bits&0o020 != 0 && !w.strict && private(st.Gid) {
		bits &^= 0o020
		// An access list hides behind the bits of the group.
		if bits == 0 && hasList(at) {
			return listed(path, mode)
		}
	}
	if bits == 0 {
		return nil
	}
	return writable(path, mode, bits)
}

// judgeFile tells why an open file cannot be trusted; nil: it can. What is no regular file holds nothing that could have
// been changed, so its mode says nothing: a terminal is group-writable, and so is /dev/null.
func (w *walker) judgeFile(at, path string, st *unix.Stat_t) *Error {
	if !trusted(st.Uid) {
		return foreign(path, st.Uid)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	return w.othersCan(at, path, st)
}

// judge notes of a folder whether others can change it. What is to be ours is refused at once.
func (w *walker) judge(f, above *folder, st *unix.Stat_t) error {
	if above != nil {
		f.fault, f.world = above.entryFault(f.path, st), above.world
	}
	var own *Error
	if uid := st.Uid; !trusted(uid) {
		own = foreign(f.path, uid)
	}
	if fault := w.othersWrite(f, st); fault != nil {
		if uint32(st.Mode)&unix.S_ISVTX != 0 {
			f.sticky, f.all = true, uint32(st.Mode)&0o002 != 0
		} else {
			if own == nil {
				own = fault
			}
			if f.world == nil && uint32(st.Mode)&0o002 != 0 {
				f.world = writable(f.path, uint32(st.Mode), 0o002)
			}
		}
	}
	if f.fault == nil {
		f.fault = own
	}
	if f.fault != nil && !w.shared {
		return f.fault
	}
	return nil
}

// entryFault tells why others can have changed what is in a folder; nil: they cannot.
func (f *folder) entryFault(path string, st *unix.Stat_t) *Error {
	switch {
	case f.fault != nil:
		return f.fault
	case f.sticky && !trusted(st.Uid):
		return foreign(path, st.Uid)
	// Where all may add names they could give one to a file of ours. In a sticky folder of a group that is left out:
	// the stores of Nix and Guix link equal files to save room.
	case f.all && st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1:
		return linked(path)
	}
	return nil
}

// closed tells whether a folder lets nobody else through. With an access list the bits of the group are what it lets through at
// most, so that no bit means no list that does.
func (f *folder) closed() bool {
	var st unix.Stat_t
	return unix.Fstat(f.fd, &st) == nil && st.Mode&0o077 == 0
}
