package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/schedule"
)

// load reads the configuration.
func (a *app) load() (*config.Config, error) {
	return loaded(config.Load(a.file(), os.Getenv, config.Options{CheckSchedule: checkSchedule, CheckOAuth: checkOAuth}))
}

// file is that of the configuration.
func (a *app) file() string { return cmp.Or(a.configFile, config.DefaultPath(os.Getenv)) }

// loaded is a configuration that was read, or the error of a command that cannot go on without.
func loaded[C any](cfg C, err error) (none C, _ error) {
	var problems config.Error
	if errors.As(err, &problems) && len(problems) > 1 {
		err = fmt.Errorf("%d problems in the configuration\n%w", len(problems), err)
	}
	if err != nil {
		return none, &exit.Error{Code: exit.Config, Err: err, Raw: true}
	}
	return cfg, nil
}

// chosen reads the configuration; accounts are those that are named, or all.
func (a *app) chosen(names []string) (cfg *config.Config, accounts []config.Account, err error) {
	if cfg, err = a.load(); err != nil {
		return nil, nil, err
	}
	accounts, err = pick(cfg, names)
	return cfg, accounts, err
}

func checkSchedule(spec string) error {
	_, err := schedule.Parse(spec)
	return err
}
