package alarms

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/popsync/popsync/internal/notify"
	"github.com/popsync/popsync/internal/words"
)

// newsChannel is standard error of a run that nobody watches, as a way to tell of an account. So it is subject to the rules
// of all alarms: trouble is told once, whatever process it befalls, and its end once.
type newsChannel struct {
	mu sync.Mutex
	w  io.Writer
}

// Name tells it from the ways of the configuration.
func (*newsChannel) Name() string { return "standard-error" }

// Send writes a notice. Two accounts' notices stay apart.
func (c *newsChannel) Send(_ context.Context, n notify.Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Fprintf(c.w, "popsync: %s\n\n%s\n", strings.TrimPrefix(n.Subject(), "[popsync] "), n.Text())
	return err
}

// forgot says what could not be remembered: so nobody was told of it by an alarm, and the exit code alone is little.
func (c *newsChannel) forgot(account, what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.w, "popsync: %s: %s\n  %s\n", account, words.Clip(what), strings.TrimSpace(err.Error()))
}
