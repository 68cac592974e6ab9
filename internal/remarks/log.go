package remarks

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Log writes the remarks that are about some accounts into the log, once at a start.
func Log(log *zap.Logger, all []Remark, accounts []string) {
	for _, r := range all {
		if !r.Concerns(accounts) {
			continue
		}
		fields := []zap.Field{zap.String("note", r.Text)}
		if r.Next != "" {
			fields = append(fields, zap.String("next_step", r.Next))
		}
		log.Warn("configuration is odd", fields...)
	}
}

// Begin begins to log, which may take long; by wait the end of it is waited for, but not longer than a person does.
func Begin(ctx context.Context, log func()) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		log()
	}()
	return func() {
		select {
		case <-done:
		case <-ctx.Done():
		case <-time.After(remarkTime):
		}
	}
}

// remarkTime is how long a run that is over waits for its remarks: a Maildir may be on a disk that does not answer.
const remarkTime = 5 * time.Second
