package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/alarms"
	"github.com/popsync/popsync/internal/control"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/logs"
	"github.com/popsync/popsync/internal/metrics"
	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/words"
)

// obey does what signals say.
func (d *Service) obey(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			switch sig {
			case syscall.SIGHUP:
				d.log.Reopen()
				if _, err := d.reload(ctx); err != nil {
					text, hint := d.reloadProblem(err)
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
func (d *Service) serve(ctx context.Context, services *sync.WaitGroup) error {
	if place := d.cfg.Socket; place != "" {
		socket, err := control.Listen(place)
		if errors.Is(err, control.ErrRunning) {
			return exit.With(exit.Temp, nextstep.With(err, "popsync status tells about it"))
		} else if err != nil {
			return exit.With(exit.Config, nextstep.With(err, `name another place as control.socket, or "off"`))
		}
		services.Go(func() {
			if err := socket.Serve(ctx, commands{d}); err != nil {
				d.log.Error("control socket lost", zap.String("error", err.Error()))
			}
		})
	}
	if listen := d.cfg.Listen; listen != "" {
		l, err := metrics.Listen(listen)
		if err != nil {
			return exit.With(exit.Config, nextstep.With(err, "name another place as metrics.listen"))
		}
		services.Go(func() {
			if err := d.metrics.ServeListener(ctx, l); err != nil {
				d.log.Error("metrics lost", zap.String("error", err.Error()))
			}
		})
	}
	var err error
	d.alarms, err = alarms.Open(d.cfg.Alarms, d.ledger, d.log.Logger, false)
	if err != nil {
		return exit.With(exit.Config, err)
	}
	return nil
}

// everyMinute sends alarms that could not be sent when they were due, writes the textfile, and tells the manager how
// things are.
func (d *Service) everyMinute(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	failing := ""
	for {
		d.manager.Status(d.summary())
		if path := d.config().Textfile; path != "" {
			failing = complain(d.log, failing, d.metrics.WriteTextfile(path))
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			d.alarms.Flush(ctx)
		}
	}
}

// complain logs an error unless it is the last one again.
func complain(log *logs.Log, last string, err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if text != last {
		log.Warn("metrics not written", zap.String("error", text))
	}
	return text
}

// summary is the daemon in one line.
func (d *Service) summary() string {
	running, trouble := 0, len(d.alarms.Troubles())
	for _, s := range d.loop.State() {
		if s.Running {
			running++
		}
	}
	cfg := d.config()
	text := fmt.Sprintf("%s, %d running", words.Number(len(cfg.Accounts), "account"), running)
	if trouble > 0 {
		text += fmt.Sprintf(", %d in trouble: see popsync status", trouble)
	}
	return text
}
