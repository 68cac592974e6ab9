package main

import (
	"errors"
	"path/filepath"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/safepath"
)

// places looks whether others could misuse what the configuration names beside accounts: programs, sockets, files.
func (c *checker) places(cfg *config.Config) {
	if args := cfg.Alarm.Command; len(args) > 0 {
		command, err := notify.NewCommand(args)
		if err == nil {
			err = command.Check()
		}
		if err != nil {
			c.bad(fetcher.Config, "alarm.command: "+err.Error(), "")
		}
	}
	if path := cfg.Metrics.Textfile; path != "" {
		if err := metrics.CheckTextfile(path); err != nil {
			c.bad(fetcher.Config, "metrics.textfile: "+err.Error(), "")
		}
	}
	if len(cfg.Control.Sockets) > 0 {
		_, err := safepath.Check(filepath.Dir(cfg.Control.Sockets[0]))
		if fault, ok := errors.AsType[*safepath.Error](err); ok {
			c.bad(fetcher.Config, "control.socket: "+err.Error(), fault.Mend)
		}
	}
}
