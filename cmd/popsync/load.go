package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/schedule"
)

// load reads the configuration.
func (a *app) load() (*config.Config, error) {
	env := config.Env(os.Getenv)
	path := a.configFile
	if path == "" {
		path = config.DefaultPath(env)
	}
	cfg, err := config.Load(path, env, config.Options{CheckSchedule: checkSchedule, CheckOAuth: checkOAuth})
	var problems config.Error
	if errors.As(err, &problems) && len(problems) > 1 {
		err = fmt.Errorf("%d problems in the configuration\n%w", len(problems), err)
	}
	if err != nil {
		return nil, &exit.Error{Code: exit.Config, Err: err, Raw: true}
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
