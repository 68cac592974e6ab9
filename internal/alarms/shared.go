package alarms

import (
	"fmt"

	"github.com/popsync/popsync/internal/notify"
)

// Shared are the ways that all accounts share: a program with its arguments, and a webhook; nil and "": there is none. The error begins
// with the key.
func Shared(program []string, webhook string) (all []Way, err error) {
	if len(program) > 0 {
		c, err := notify.NewCommand(program)
		if err != nil {
			return nil, fmt.Errorf("alarm.command: %w", err)
		}
		all = append(all, Way{Channel: c, Text: "command " + program[0]})
	}
	if webhook != "" {
		c, err := notify.NewWebhook(webhook, notify.WebhookOptions{})
		if err != nil {
			return nil, fmt.Errorf("alarm.webhook: %w", err)
		}
		all = append(all, Way{Channel: c, Text: "webhook"})
	}
	return all, nil
}
