package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

// signals are those that a daemon obeys without ending.
type signals struct {
	ch chan os.Signal
}

// catchSignals takes SIGHUP away from those that end a command. A reader of standard error that went away must not end
// the service either: without SIGPIPE a write fails, and that is all.
func catchSignals() *signals {
	s := &signals{make(chan os.Signal, 8)}
	signal.Reset(syscall.SIGHUP)
	signal.Notify(s.ch, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	signal.Ignore(syscall.SIGPIPE)
	return s
}

func (s *signals) stop() { signal.Stop(s.ch) }

// obey does what signals say.
func (d *daemon) obey(ctx context.Context, s *signals) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-s.ch:
			switch sig {
			case syscall.SIGHUP:
				d.log.Reopen()
				if _, err := d.reload(ctx); err != nil {
					text, hint := reloadProblem(err)
					d.log.Error("configuration not loaded, the old one stays in force", zap.String("error", strings.ReplaceAll(text, "\n", "; ")), zap.String("next_step", hint))
				}
			case syscall.SIGUSR1:
				d.log.Info("woken by a signal")
				d.loop.Wake()
			case syscall.SIGUSR2:
				d.log.Reopen()
			}
		}
	}
}

// serve opens what others talk to: first of all the control socket, of which there is one for all daemons of a
// configuration.
func (d *daemon) serve(ctx context.Context, services *sync.WaitGroup) error {
	if places := d.cfg.Control.Sockets; len(places) > 0 {
		socket, err := control.Listen(places[0])
		if errors.Is(err, control.ErrRunning) {
			return &exitError{exitTemp, nextstep.With(err, "popsync status tells about it")}
		} else if err != nil {
			return &exitError{exitConfig, nextstep.With(err, `name another place as control.socket, or "off"`)}
		}
		services.Go(func() {
			if err := socket.Serve(ctx, handler{d}); err != nil {
				d.log.Error("control socket lost", zap.String("error", errorText(err)))
			}
		})
	}
	if listen := d.cfg.Metrics.Listen; listen != "" {
		l, err := metrics.Listen(listen)
		if err != nil {
			return &exitError{exitConfig, nextstep.With(err, "name another place as metrics.listen")}
		}
		services.Go(func() {
			if err := d.metrics.ServeListener(ctx, l); err != nil {
				d.log.Error("metrics lost", zap.String("error", errorText(err)))
			}
		})
	}
	var err error
	d.alarms, err = openAlarms(d.cfg, d.ledger, d.log.Logger, false)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	return nil
}

// everyMinute sends alarms that could not be sent when they were due, writes the textfile, and tells the manager how
// things are.
func (d *daemon) everyMinute(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	failing := ""
	for {
		d.manager.Status(d.summary())
		if path := d.config().Metrics.Textfile; path != "" {
			failing = d.complain(failing, d.metrics.WriteTextfile(path))
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			d.alarms.flush(ctx)
		}
	}
}

// complain logs an error unless it is the last one again.
func (d *daemon) complain(last string, err error) string {
	if err == nil {
		return ""
	}
	text := errorText(err)
	if text != last {
		d.log.Warn("metrics not written", zap.String("error", text))
	}
	return text
}

// summary is the daemon in one line.
func (d *daemon) summary() string {
	running, trouble := 0, 0
	for _, s := range d.loop.State() {
		if s.Running {
			running++
		}
	}
	for _, i := range d.alarms.notifier.Incidents() {
		if i.About == "trouble" {
			trouble++
		}
	}
	cfg := d.config()
	text := fmt.Sprintf("%s, %d running", words.Number(len(cfg.Accounts), "account"), running)
	if trouble > 0 {
		text += fmt.Sprintf(", %d in trouble: see popsync status", trouble)
	}
	return text
}
