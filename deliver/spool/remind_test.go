package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/delivertest"
	"github.com/popsync/popsync/deliver/spool"
)

// lookingSender notes what it is told, and cannot tell whether a message is there.
type lookingSender struct {
	*delivertest.MemorySender
	held []bool
}

func (s *lookingSender) Hold(doubts bool) { s.held = append(s.held, doubts) }

func (s *lookingSender) Send(ctx context.Context, m deliver.Outgoing) error {
	if m.Again {
		return fmt.Errorf("look: %w", deliver.ErrInferred)
	}
	return s.MemorySender.Send(ctx, m)
}

// What an earlier process left is tried again only as far as that one had tried it, and a Sender that looks learns whether it had.
func TestRemind(t *testing.T) {
	f := newSpool(t)
	tried, staged := f.stage("1", "x\r\n"), f.stage("2", "y\r\n")
	s := &lookingSender{MemorySender: f.mail}
	open := func() *spool.Target {
		target := spool.New(spool.Options{Root: f.root, Where: "relay", Account: "work", Destination: "relay", Sender: s})
		_, err := target.Identify(t.Context(), f.known)
		must(t, err)
		return target
	}
	target := open()
	target.Remind([]deliver.Ticket{tried}, false)
	must(t, target.Publish(t.Context(), []deliver.Ticket{staged})[0])
	err := target.Publish(t.Context(), []deliver.Ticket{tried})[0]
	var e *deliver.Error
	if !errors.Is(err, deliver.ErrInferred) || errors.As(err, &e) {
		t.Errorf("one that was tried: %v", err)
	}
	if _, err := os.Stat(f.path(tried)); err != nil {
		t.Errorf("its copy: %v", err)
	}
	open().Remind(nil, false)
	open().Remind(nil, true)
	open().Remind([]deliver.Ticket{"spool9 of a newer popsync"}, false)
	if got := fmt.Sprint(s.held); got != "[true false true true]" {
		t.Errorf("Hold was called with %s", got)
	}
	// Nobody says: all may have been tried.
	target = open()
	third := f.stage("3", "z\r\n")
	if err := target.Publish(t.Context(), []deliver.Ticket{third})[0]; !errors.Is(err, deliver.ErrInferred) {
		t.Errorf("without a word: %v", err)
	}
}

// A Sender that does not look cannot settle anything by a guess.
func TestOnlyLookersInfer(t *testing.T) {
	f := newSpool(t)
	ticket := f.stage("1", "x\r\n")
	f.mail.OnSend = func(deliver.Outgoing) error { return fmt.Errorf("odd: %w", deliver.ErrInferred) }
	if err := f.publish(ticket); err == nil || errors.Is(err, deliver.ErrInferred) {
		t.Errorf("Publish: %v", err)
	}
}

// What a Sender remembered in order to look goes with the folder.
func TestFolderRemovesLook(t *testing.T) {
	f := newSpool(t)
	must(t, os.WriteFile(f.dir+deliver.LookSuffix, []byte("x"), 0o600))
	folder, err := spool.OpenFolder(f.root, f.known)
	must(t, err)
	defer folder.Close()
	if left, err := folder.Remove(); err != nil || left != 0 {
		t.Fatal(left, err)
	}
	if list, _ := os.ReadDir(f.root); len(list) != 0 {
		t.Errorf("left: %v", list)
	}
}
