// Package secret finds the secret of an account when it is needed: in a file, in the output of a program, in a systemd
// credential, or with the person.
//
// It keeps nothing, runs no shell, and puts no secret into an error. Go gives no way to wipe a string from memory, so
// none is claimed.
package secret

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// maxSize bounds what a file holds and a program prints, in octets.
const maxSize = 64 << 10

// Source is a place where a secret is found. Exactly one of Literal, File, Command, Credential and Prompt is set.
type Source struct {
	Key        string                                    // what the configuration calls it, for errors; "": password
	Literal    func() string                             // the secret itself
	Origin     string                                    // with Literal: where it stood, and in which edition of that, for Identity
	File       string                                    // absolute path; regular, owner-only, of the user or root
	Command    []string                                  // program (absolute, or looked up in PATH) and arguments
	Credential string                                    // absolute path of what systemd provides
	Prompt     func(ctx context.Context) (string, error) // asks the person
}

// Error says which source failed. It never holds the secret, nor the arguments of a command, which may hold one.
type Error struct {
	Source string // password_file "/path", password_command "program", and the like
	Err    error
	Hint   string // next step for a person; may be ""
}

// Error gives source and cause.
func (e *Error) Error() string { return e.Source + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Get returns the secret: not empty, one line. Every error is an *Error; it wraps ctx's error when ctx has ended.
func (s Source) Get(ctx context.Context) (string, error) {
	name, get := s.choose()
	if get == nil {
		return "", &Error{Source: "secret", Err: errors.New("not exactly one source is set")}
	}
	if err := ctx.Err(); err != nil {
		return "", &Error{Source: name, Err: err}
	}
	v, hint, err := get(ctx)
	if err == nil {
		hint, err = check(v)
	}
	if err != nil {
		return "", &Error{Source: name, Err: err, Hint: hint}
	}
	return v, nil
}

// GetWithHint is Get with errors whose text tells the next step.
func (s Source) GetWithHint(ctx context.Context) (string, error) {
	v, err := s.Get(ctx)
	if e, ok := errors.AsType[*Error](err); ok && e.Hint != "" {
		err = fmt.Errorf("%w (%s)", err, e.Hint)
	}
	return v, err
}

// Overheard tells heard of each secret that get gives; heard may be nil.
func Overheard(get func(context.Context) (string, error), heard func(string)) func(context.Context) (string, error) {
	if heard == nil {
		return get
	}
	return func(ctx context.Context) (string, error) {
		v, err := get(ctx)
		if err == nil {
			heard(v)
		}
		return v, err
	}
}

// choose names the source and gives its getter, or nil when there isn't exactly one.
func (s Source) choose() (name string, get func(context.Context) (secret, hint string, err error)) {
	n := 0
	key := cmp.Or(s.Key, "password")
	if s.Literal != nil {
		n++
		name, get = key, func(context.Context) (string, string, error) { return s.Literal(), "", nil }
	}
	if s.File != "" {
		n++
		name, get = fmt.Sprintf("%s_file %q", key, s.File), func(context.Context) (string, string, error) { return readFile(s.File, true) }
	}
	if len(s.Command) > 0 {
		n++
		name, get = fmt.Sprintf("%s_command %q", key, s.Command[0]), func(ctx context.Context) (string, string, error) { return output(ctx, s.Command) }
	}
	if s.Credential != "" {
		n++
		// systemd sets mode and owner; with an ACL for the service's user the mode shows group bits that are none.
		name, get = fmt.Sprintf("credential %q", s.Credential), func(context.Context) (string, string, error) { return readFile(s.Credential, false) }
	}
	if s.Prompt != nil {
		n++
		name, get = "prompt", func(ctx context.Context) (string, string, error) {
			v, err := s.Prompt(ctx)
			return v, "", err
		}
	}
	if n != 1 {
		return "", nil
	}
	return name, get
}

// check refuses what can't be sent in a login.
func check(v string) (hint string, err error) {
	switch {
	case v == "":
		return "", errors.New("the secret is empty")
	case strings.ContainsAny(v, "\r\n"):
		return "the secret must be the only line", errors.New("more than one line")
	case strings.ContainsRune(v, 0):
		return "", errors.New("the secret holds a NUL")
	}
	return "", nil
}

// Identity names the source so that a later call can tell whether somebody changed it: path, time, inode and size of a
// file, a hash of the arguments of a command. Of a literal it is Origin: it stays the same whatever becomes of the file. It is printable ASCII, holds no secret and reads none.
func (s Source) Identity() string {
	switch {
	case s.Literal != nil:
		return fmt.Sprintf("password %+q", s.Origin)
	case s.File != "":
		return "file " + fileIdentity(s.File)
	case len(s.Command) > 0:
		sum := sha256.Sum256([]byte(strings.Join(s.Command, "\x00")))
		return fmt.Sprintf("command %+q %x", s.Command[0], sum[:8])
	case s.Credential != "":
		return "credential " + fileIdentity(s.Credential)
	case s.Prompt != nil:
		return "prompt"
	}
	return "none"
}

func fileIdentity(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Sprintf("%+q absent", path)
	}
	var inode uint64
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = uint64(st.Ino)
	}
	return fmt.Sprintf("%+q %d %d %d", path, info.ModTime().UnixNano(), inode, info.Size())
}
