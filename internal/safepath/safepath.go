// Package safepath opens files and folders so that no other user of the machine can lead popsync astray: by a symbolic link
// put in at the right moment, a FIFO, a hard link, or a folder that is not the one that was looked at.
//
// A path is walked by us, folder by folder, each opened relative to the descriptor of the one above it and never through a
// link. A link is followed only where nobody but root and this user can change it, or any folder on the way to it. What is
// to be trusted (the configuration, programs, secrets, the ledger) is Ours: every folder on the way is such a place, and
// the thing itself too. What may lie in somebody else's folder (a Maildir, a file of figures, a log) is Shared: real
// folders are entered whoever has them, and all that follows goes by the descriptor that was opened.
//
// It judges owner and mode, nothing else: not what is in a file, not mandatory access control, and not who may mount
// something. It repairs nothing; its errors name the command that does.
package safepath

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Error is a file, folder or link that somebody else can change or has, where that must not be.
type Error struct {
	Path string // what is at fault, by its path without links
	Why  string // what is wrong, with the path in it
	Mend string // what mends it, for a person: as a rule a command
}

// Error tells what is wrong. How to mend it is in Mend.
func (e *Error) Error() string { return e.Why }

// Unwrap makes it a matter of permission.
func (e *Error) Unwrap() error { return fs.ErrPermission }

// writable is the fault of what others can write to; bits are those of the mode at fault.
func writable(path string, mode, bits uint32) *Error {
	who := map[uint32]string{0o002: "o", 0o020: "g", 0o022: "go"}[bits]
	return &Error{path, fmt.Sprintf("others can write to %s (mode %04o)", path, mode&0o7777), "chmod " + who + "-w " + Quote(path)}
}

// listed is the fault of what an access list lets others write to.
func listed(path string, mode uint32) *Error {
	return &Error{path, fmt.Sprintf("others can write to %s (mode %04o, and an access list)", path, mode&0o7777),
		"setfacl -b " + Quote(path) + " && chmod g-w " + Quote(path)}
}

// foreign is the fault of what belongs to neither root nor this user.
func foreign(path string, uid uint32) *Error {
	return &Error{path, fmt.Sprintf("%s belongs to another user (uid %d)", path, uid),
		"run popsync as " + name(int(uid)) + ", or say: chown " + self() + " " + Quote(path)}
}

// linked is the fault of a file that has a second name, where others could have given it.
func linked(path string) *Error {
	return &Error{path, fmt.Sprintf("%s is a hard link, which others can have made", path),
		fmt.Sprintf("cp %[1]s %[1]s.own && mv %[1]s.own %[1]s", Quote(path))}
}

// self is this user.
func self() string { return name(os.Geteuid()) }

// name is a user's for chown: his number, if he has no name.
func name(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return Quote(u.Username)
	}
	return id
}

// Quote makes a word for the shell, as a person would write it.
func Quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:,@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
