package main

import (
	"strings"
	"syscall"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/deliver"
	"github.com/popsync/popsync/deliver/command"
)

// commandType is a program.
func commandType() destinationType {
	return remoteType(destinationType{
		name: "command",
		// Arguments may be secrets, and a hash of something short can be guessed: they are left out.
		setting: func(_ *config.Config, d config.Deliver) string { return digest(d.Type, d.Command.Args[0]) },
		place:   func(d config.Deliver) string { return d.Command.Args[0] },
		same:    func(d config.Deliver) string { return d.Type + "\x00" + strings.Join(d.Command.Args, "\x00") },
		check:   looksAt(func(*looker, checking) string { return "is there and may be run; it was not run" }),
	}, commandSender)
}

func commandSender(a *app, cfg *config.Config, _ string, d config.Deliver) (_ deliver.Sender, where string, err error) {
	// The copy that the program reads lies, without a name, beside the folders of those that wait.
	o := command.Options{
		Args: d.Command.Args, Timeout: d.Command.Timeout, LineEnds: d.Command.LineEnds,
		Parallel: d.Connections, Trace: d.Trace, TempDir: spoolRoot(cfg),
	}
	sender, err := command.New(a.running(o))
	if err != nil {
		return nil, "", err
	}
	return sender, o.Where(), nil
}

// running keeps the programs of destinations, so that none is left when the process ends at once.
func (a *app) running(o command.Options) command.Options {
	o.Running = func(group int) func() {
		return a.Undo.Add(func() { _ = syscall.Kill(-group, syscall.SIGKILL) })
	}
	return o
}
