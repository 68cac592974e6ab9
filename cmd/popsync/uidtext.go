package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/uidl"
)

// Unique-ids are whatever octets a server gives. Commands print them quoted for a POSIX shell and take them as the shell hands them
// on: octet for octet, and behind "--" where one begins with '-'. They also take what logs and JSON have ("..." with escapes). A
// unique-id names all messages that share it; UID#2 the second of them alone, unless there is one of just that unique-id.

// uidArg is a unique-id as people type it.
func uidArg(uid string) string { return foreign.Word(uid) }

// uidArgs are unique-ids as the last arguments of a command.
func uidArgs(uids ...string) string {
	var b strings.Builder
	if slices.ContainsFunc(uids, func(uid string) bool { return strings.HasPrefix(uid, "-") }) {
		b.WriteString("-- ")
	}
	for i, uid := range uids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(uidArg(uid))
	}
	return b.String()
}

// uidLog is a unique-id as logs have it, whole.
func uidLog(uid string) string {
	for i := range len(uid) {
		if uid[i] <= ' ' || uid[i] > '~' || uid[i] == '"' || uid[i] == '\\' {
			return strconv.QuoteToASCII(uid)
		}
	}
	return uid
}

// nameIn tells one message from others that share its unique-id.
func nameIn(all []uidl.Stuck, k uidl.Key) string {
	shared := k.Dup > 0 || slices.ContainsFunc(all, func(s uidl.Stuck) bool { return s.UID == k.UID && s.Dup != k.Dup })
	if !shared {
		return k.UID
	}
	return k.UID + "#" + strconv.Itoa(k.Dup+1)
}

// chosen are the messages that arguments name, in their own order; none: all. unknown are arguments that name none.
func chosen(all []uidl.Stuck, args []string) (picked []uidl.Stuck, unknown []string) {
	if len(args) == 0 {
		return all, nil
	}
	wanted := map[uidl.Key]bool{}
	for _, arg := range args {
		keys := named(all, arg)
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

// named finds what one argument names.
func named(all []uidl.Stuck, arg string) (keys []uidl.Key) {
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

// What messages that a command takes are.
const (
	thatFailed  = "is parked or put off"
	thatGivenUp = "was given up"
)

// picking is chosen for a command that wants every argument to name something; what tells what they are to be.
func picking(account, what string, args []string) func([]uidl.Stuck) ([]uidl.Stuck, error) {
	return func(all []uidl.Stuck) ([]uidl.Stuck, error) {
		picked, unknown := chosen(all, args)
		if len(unknown) == 0 {
			return picked, nil
		}
		for i := range unknown {
			unknown[i] = uidArg(unknown[i])
		}
		return nil, &exitError{exitUsage, &hintError{
			fmt.Errorf("%s: no such message %s: %s; nothing was changed", account, what, strings.Join(unknown, ", ")),
			"popsync parked " + account + " lists them"}}
	}
}

// orGivenUp is pick, but where an argument names a message that was given up, that is what it says.
func orGivenUp(ctx context.Context, ledger uidl.Ledger, account string, args []string, pick func([]uidl.Stuck) ([]uidl.Stuck, error)) func([]uidl.Stuck) ([]uidl.Stuck, error) {
	return func(all []uidl.Stuck) ([]uidl.Stuck, error) {
		_, unknown := chosen(all, args)
		if len(unknown) == 0 {
			return pick(all)
		}
		given, err := ledger.Stuck(ctx, account)
		if err != nil {
			return nil, err
		}
		given = slices.DeleteFunc(given, func(s uidl.Stuck) bool { return !s.Have.GivenUp() })
		for _, arg := range unknown {
			if len(named(given, arg)) > 0 {
				return nil, &exitError{exitUsage, &hintError{fmt.Errorf("%s: message %s was given up already; nothing was changed", account, uidArg(arg)),
					"popsync parked " + account + " lists what can be taken back"}}
			}
		}
		return pick(all)
	}
}

// wantsUIDs wants an account and at least so many unique-ids.
func wantsUIDs(least int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < 1+least {
			return fail(exitUsage, "expected is %s, for example: popsync %s", what, example)
		}
		return nil
	}
}

// dashes tells whoever names a unique-id that looks like an option how to.
func dashes(c *cobra.Command, err error) error {
	return fail(exitUsage, "%w (a unique-id that begins with '-' comes behind --, as in: popsync %s work -- -UID)", err, c.Name())
}

// judgedIn is judged for what a command did to one account, whose own errors have their exit codes.
func judgedIn(account string, err error) error {
	var own *exitError
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, context.Canceled):
		return fail(exitTemp, "%s: stopped; nothing was changed", account)
	}
	return unlessBusy(account, err)
}
