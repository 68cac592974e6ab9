package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/uidl"
)

// adopt forgets what the ledger remembers of an account's places, so that the next run accepts what it finds there, and
// releases what was open for destinations that are no longer configured, naming it.
func (a *app) adopt(ctx context.Context, name string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := pick(cfg, []string{name})
	if err != nil {
		return err
	}
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return err
	}
	defer ledger.Close()
	acc, err := ledger.Acquire(ctx, name)
	if err != nil {
		return &exitError{exitTemp, err}
	}
	defer acc.Close()
	known, err := acc.Destinations(ctx)
	if err != nil {
		return &exitError{exitInternal, err}
	}
	pending, err := acc.Pending(ctx)
	if err != nil {
		return &exitError{exitInternal, err}
	}
	var c uidl.Change
	for _, d := range known {
		if configured(accounts[0], d.Name) {
			c.Destinations = append(c.Destinations, uidl.Destination{Name: d.Name})
			fmt.Fprintf(a.out, "%s: %s is accepted as the next run finds it\n", name, d.Name)
		}
	}
	c.Settle, c.Mark = release(accounts[0], known, pending)
	for _, s := range c.Settle {
		fmt.Fprintf(a.out, "%s: %s is no longer configured; %+q is not delivered there\n", name, printable(s.Destination), s.UID)
	}
	if err := acc.Commit(ctx, c); err != nil {
		return &exitError{exitInternal, err}
	}
	return nil
}

// release drops the open deliveries of destinations that are gone. A message for which nothing else is open is
// delivered if a destination that stays was there already: it has its copy. Otherwise nobody has it, and it is fetched.
func release(acc config.Account, known []uidl.Destination, pending []uidl.Delivery) (drop []uidl.Settled, done []uidl.Mark) {
	state := uidl.Wanted
	for _, d := range known {
		if d.Identity != "" && configured(acc, d.Name) {
			state = uidl.Delivered
		}
	}
	open := map[uidl.Key]int{}
	for _, d := range pending {
		open[d.Key]++
	}
	for _, d := range pending {
		if configured(acc, d.Destination) {
			continue
		}
		drop = append(drop, uidl.Settled{Key: d.Key, Destination: d.Destination})
		if open[d.Key]--; open[d.Key] == 0 {
			done = append(done, uidl.Mark{Key: d.Key, State: state})
		}
	}
	return drop, done
}

func configured(acc config.Account, destination string) bool {
	return slices.ContainsFunc(acc.Deliver, func(d config.Deliver) bool { return d.Name == destination })
}
