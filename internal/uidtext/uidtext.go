// Package uidtext is for unique-ids as people read and type them. They are whatever octets a server gives. Commands print them
// quoted for a POSIX shell and take them as the shell hands them on: octet for octet, and behind "--" where one begins with '-'.
// They also take what logs and JSON have ("..." with escapes). A unique-id names all messages that share it; UID#2 the second of
// them alone, unless there is one of just that unique-id.
//
// It reads no ledger: its callers give it the messages that can be meant.
package uidtext

import (
	"slices"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/uidl"
)

// Arg is a unique-id as people type it.
func Arg(uid string) string { return foreign.Word(uid) }

// Args are unique-ids as the last arguments of a command.
func Args(uids ...string) string {
	var b strings.Builder
	if slices.ContainsFunc(uids, func(uid string) bool { return strings.HasPrefix(uid, "-") }) {
		b.WriteString("-- ")
	}
	for i, uid := range uids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(Arg(uid))
	}
	return b.String()
}

// Log is a unique-id as logs have it, whole.
func Log(uid string) string {
	for i := range len(uid) {
		if uid[i] <= ' ' || uid[i] > '~' || uid[i] == '"' || uid[i] == '\\' {
			return strconv.QuoteToASCII(uid)
		}
	}
	return uid
}

// Name tells one message from others that share its unique-id.
func Name(all []uidl.Stuck, k uidl.Key) string {
	shared := k.Dup > 0 || slices.ContainsFunc(all, func(s uidl.Stuck) bool { return s.UID == k.UID && s.Dup != k.Dup })
	if !shared {
		return k.UID
	}
	return k.UID + "#" + strconv.Itoa(k.Dup+1)
}

// Choose gives the messages that arguments name, in their own order; none: all. unknown are arguments that name none.
func Choose(all []uidl.Stuck, args []string) (picked []uidl.Stuck, unknown []string) {
	if len(args) == 0 {
		return all, nil
	}
	wanted := map[uidl.Key]bool{}
	for _, arg := range args {
		keys := Named(all, arg)
		for _, k := range keys {
			wanted[k] = true
		}
		if len(keys) == 0 {
			unknown = append(unknown, arg)
		}
	}
	for _, s := range all {
		if wanted[s.Key] {
			picked = append(picked, s)
		}
	}
	return picked, unknown
}

// Named finds what one argument names.
func Named(all []uidl.Stuck, arg string) (keys []uidl.Key) {
	of := func(uid string, dup int) {
		for _, s := range all {
			if s.UID == uid && (dup < 0 || s.Dup == dup) {
				keys = append(keys, s.Key)
			}
		}
	}
	of(arg, -1)
	if text, err := strconv.Unquote(arg); len(keys) == 0 && err == nil && arg[0] == '"' {
		of(text, -1)
	}
	if i := strings.LastIndexByte(arg, '#'); len(keys) == 0 && i > 0 {
		if n, err := strconv.Atoi(arg[i+1:]); err == nil && n > 0 {
			of(arg[:i], n-1)
		}
	}
	return keys
}
