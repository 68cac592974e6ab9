package fetcher

import (
	"bytes"
	"strings"

	"go.uber.org/zap"

	"github.com/popsync/popsync/fetcher/report"
	"github.com/popsync/popsync/fetcher/settle"
	"github.com/popsync/popsync/fetcher/verdict"
)

// logPass is the one line of a pass.
func (p *closing) logPass(r report.Report) {
	fields := []zap.Field{
		zap.Int("new", r.New), zap.Int64("octets", r.Bytes), zap.Int("kept", r.Kept), zap.Int("deleted", r.Deleted),
		zap.Int("listed", r.Listed), zap.Duration("took", r.Duration),
	}
	for _, c := range []struct {
		name string
		n    int
	}{{"skipped", r.Skipped}, {"parked", r.Parked}, {"put_off", r.PutOff}, {"failed", r.Failed}, {"pending", r.Pending}, {"quarantined", r.Quarantined}, {"waived", r.Waived},
		{"recovered", r.Recovered}, {"refetched_unknown", r.Refetched}, {"adopted", r.Adopted}, {"rebuilt", r.Rebuilt}, {"left_out", r.LeftOut}} {
		if c.n > 0 {
			fields = append(fields, zap.Int(c.name, c.n))
		}
	}
	if len(r.Notes) > 0 {
		fields = append(fields, zap.String("note", strings.Join(r.Notes, "; ")))
	}
	if r.Verdict.Class == verdict.OK {
		text := "pass finished"
		if p.desk.Options.DryRun {
			text = "dry run finished"
		}
		switch {
		case r.Errand:
			text = "waiting mail tried"
		case r.Untried:
			text = "pass put off"
		}
		p.desk.Log.Info(text, fields...)
		return
	}
	if r.Yielded {
		p.desk.Log.Info("pass makes room for others", fields...)
		return
	}
	if r.Stopped {
		p.desk.Log.Info("pass stopped", fields...)
		return
	}
	fields = append(fields, zap.String("error", r.Verdict.Message))
	if r.Waiting != "" || r.Busy {
		p.desk.Log.Info("pass put off", fields...)
		return
	}
	if r.Verdict.Hint != "" {
		fields = append(fields, zap.String("next_step", r.Verdict.Hint))
	}
	if toldBefore(r.Err) {
		p.desk.Log.Warn("pass held back, as before", fields...)
		return
	}
	p.desk.Log.Error("pass failed", fields...)
	if pe, ok := r.Err.(*settle.PanicError); ok {
		for line := range bytes.Lines(pe.Stack) { // a field is cut at 1 KiB
			p.desk.Log.Debug("panic", zap.ByteString("stack", bytes.TrimSpace(line)))
		}
	}
}
