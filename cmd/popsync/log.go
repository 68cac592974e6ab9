package main

import (
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/popsync/popsync/internal/screen"
)

// programLog is the log of one process and what can be changed about it while it runs. Its loggers, and those made of
// them, all follow.
type programLog struct {
	*zap.Logger
	level zap.AtomicLevel
	file  *logFile // nil without log.file
}

// openLog makes the log that the configuration's [log] asks for. Lines are appended to file, or if that is "" go to w,
// standard error in general, of which terminal tells whether a person is watching. A file that cannot be opened is an
// error of the configuration. Close it when the last line is written.
func openLog(w io.Writer, terminal bool, level, format, file string) (*programLog, error) {
	l := &programLog{level: zap.NewAtomicLevelAt(levelOf(level))}
	w = screen.Raw(w)
	if file == "" {
		l.Logger = newLogger(w, logStyle{format: format, terminal: terminal, utf8: screen.SpeaksUTF8(os.Getenv), journal: isJournal(w, os.Getenv)}, l.level)
		return l, nil
	}
	f, err := openLogFile(file, w)
	if err != nil {
		return nil, &exitError{exitConfig, &hintError{err, "let the user that runs popsync write there, or leave log.file out"}}
	}
	l.file = f
	l.Logger = newLogger(f, logStyle{format: format, utf8: screen.SpeaksUTF8(os.Getenv)}, l.level)
	return l, nil
}

// also has every line written to w as well.
func (l *programLog) also(w io.Writer, terminal bool, format string) {
	w = screen.Raw(w)
	more := newLogger(w, logStyle{format: format, terminal: terminal, utf8: screen.SpeaksUTF8(os.Getenv), journal: isJournal(w, os.Getenv)}, l.level)
	l.Logger = zap.New(zapcore.NewTee(l.Core(), more.Core()))
}

// withoutOutcomes leaves out how passes failed or why they were put off, where a table and what stands below it tell that.
func (l *programLog) withoutOutcomes() {
	l.Logger = l.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return outcomeless{c} }))
}

// outcomeless is a Core that drops the lines of withoutOutcomes.
type outcomeless struct{ zapcore.Core }

func (c outcomeless) With(fields []zapcore.Field) zapcore.Core {
	return outcomeless{c.Core.With(fields)}
}

func (c outcomeless) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.Message == "pass failed" || e.Message == "pass put off" {
		return to
	}
	return c.Core.Check(e, to)
}

// SetLevel changes from which level on lines are written, at once and for all loggers.
func (l *programLog) SetLevel(level string) { l.level.SetLevel(levelOf(level)) }

// Reopen opens the log's file anew, after it was renamed or removed; without log.file it does nothing. If that fails
// standard error takes the lines and says so once, and every line tries the file again.
func (l *programLog) Reopen() {
	if l.file != nil {
		l.file.Reopen()
	}
}

// Close closes the log's file, if there is one. Lines that come later go to standard error.
func (l *programLog) Close() {
	if l.file != nil {
		l.file.Close()
	}
}

// levelOf is the configuration's log.level, which was checked when it was read.
func levelOf(level string) zapcore.Level {
	lvl, err := zapcore.ParseLevel(level)
	if err != nil {
		return zapcore.InfoLevel
	}
	return lvl
}

// logStyle is how lines look.
type logStyle struct {
	format   string // auto (console on a terminal, else json), console or json
	terminal bool   // a person is watching: colours, unless NO_COLOR is set
	utf8     bool   // the locale has UTF-8; matters for console only, json is ASCII
	journal  bool   // systemd's journal reads: its priorities in front, and no time, which it adds itself
}

// newLogger builds the log by hand: no sampling, so that every "delivered" line is there, and no stack traces.
func newLogger(w io.Writer, style logStyle, level zapcore.LevelEnabler) *zap.Logger {
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.RFC3339TimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	enc.TimeKey, enc.MessageKey = "time", "msg"
	if style.journal {
		enc.TimeKey = ""
	}
	var encoder zapcore.Encoder
	if style.format == "console" || style.format != "json" && style.terminal {
		enc.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05")
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		if style.terminal && os.Getenv("NO_COLOR") == "" {
			enc.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		enc.ConsoleSeparator = "  "
		if encoder = zapcore.NewConsoleEncoder(enc); !style.utf8 {
			encoder = plainEncoder{encoder, false}
		}
	} else {
		encoder = plainEncoder{zapcore.NewJSONEncoder(enc), true}
	}
	if style.journal {
		encoder = journalEncoder{encoder}
	}
	return zap.New(safeCore{zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(screen.Raw(w))), level)})
}
