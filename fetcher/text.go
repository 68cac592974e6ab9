package fetcher

import (
	"bytes"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/popsync/popsync/internal/foreign"
	"github.com/popsync/popsync/uidl"
)

// maxText is the longest text of foreign origin that is stored or logged, in octets.
const maxText = 1024

// clip makes text harmless and bounds it: see foreign.Tidy.
func clip(s string) string { return foreign.Tidy(s, maxText) }

// number is so many things in words: "1 message", "2 messages".
func number(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "y"); ok {
		one = stem + "ie"
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// plural chooses between the words for one thing and for several.
func plural(n int, singular, several string) string {
	if n == 1 {
		return singular
	}
	return several
}

// quote is a UID as it appears in logs: as it is when it is plain, else quoted.
func quote(uid string) string {
	for i := 0; i < len(uid); i++ {
		if uid[i] <= 0x20 || uid[i] >= 0x7f || uid[i] == '"' || uid[i] == '\\' {
			return clip(strconv.QuoteToASCII(uid))
		}
	}
	return clip(uid)
}

func (p *pass) logFailed(k uidl.Key, reason string, parked bool) {
	text := "attempt failed"
	if parked {
		text = "parked"
	}
	p.log.Warn(text, zap.String("uid", quote(k.UID)), zap.String("reason", reason))
}

// logPass is the one line of a pass.
func (p *pass) logPass(r Report) {
	fields := []zap.Field{
		zap.Int("new", r.New), zap.Int64("octets", r.Bytes), zap.Int("kept", r.Kept), zap.Int("deleted", r.Deleted),
		zap.Int("listed", r.Listed), zap.Duration("took", r.Duration),
	}
	for _, c := range []struct {
		name string
		n    int
	}{{"skipped", r.Skipped}, {"parked", r.Parked}, {"put_off", r.PutOff}, {"failed", r.Failed}, {"pending", r.Pending}, {"quarantined", r.Quarantined}, {"waived", r.Waived},
		{"recovered", r.Recovered}, {"refetched_unknown", r.Refetched}, {"adopted", r.Adopted}, {"rebuilt", r.Rebuilt}} {
		if c.n > 0 {
			fields = append(fields, zap.Int(c.name, c.n))
		}
	}
	if len(r.Notes) > 0 {
		fields = append(fields, zap.String("note", strings.Join(r.Notes, "; ")))
	}
	if r.Verdict.Class == OK {
		text := "pass finished"
		if p.o.DryRun {
			text = "dry run finished"
		}
		switch {
		case r.Errand:
			text = "waiting mail tried"
		case r.Untried:
			text = "pass put off"
		}
		p.log.Info(text, fields...)
		return
	}
	if r.Yielded {
		p.log.Info("pass makes room for others", fields...)
		return
	}
	if r.Stopped {
		p.log.Info("pass stopped", fields...)
		return
	}
	fields = append(fields, zap.String("error", r.Verdict.Message))
	if r.Waiting != "" || r.Busy {
		p.log.Info("pass put off", fields...)
		return
	}
	if r.Verdict.Hint != "" {
		fields = append(fields, zap.String("next_step", r.Verdict.Hint))
	}
	if toldBefore(r.Err) {
		p.log.Warn("pass held back, as before", fields...)
		return
	}
	p.log.Error("pass failed", fields...)
	if pe, ok := r.Err.(*panicError); ok {
		for line := range bytes.Lines(pe.stack) { // a field is cut at 1 KiB
			p.log.Debug("panic", zap.ByteString("stack", bytes.TrimSpace(line)))
		}
	}
}
