// Package logs is the log of the program: where its lines go (standard error, systemd's journal, a file that is rotated), how
// they look, and that each is one line of printable characters, whoever wrote it and whatever is in it.
//
// cmd/popsync opens it; whoever logs is given the logger of zap, and knows nothing of this. It drops no line: what the file does
// not take goes to standard error. It decides nothing about what is worth a line.
package logs

import (
	"io"
	"os"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/popsync/popsync/internal/screen"
)

// Options are what a log is to be.
type Options struct {
	Level    string // debug, info, warn or error: from which on lines are written
	Format   string // auto (console on a terminal, else json), console or json
	File     string // absolute path of the file that lines are appended to; "": they go to standard error
	Terminal bool   // standard error is a terminal: a person is watching
}

// Log is the log of one process and what can be changed about it while it runs. Its loggers, and those made of them, all
// follow. Safe for concurrent use, but for Also and Without.
type Log struct {
	*zap.Logger
	level zap.AtomicLevel
	file  *file // nil without one
}

// Open makes a log. Lines are appended to its file, or if there is none go to w, standard error in general. A file that
// cannot be opened is an error. Close it when the last line is written.
func Open(w io.Writer, o Options) (*Log, error) {
	l := &Log{level: zap.NewAtomicLevelAt(levelOf(o.Level))}
	if o.File == "" {
		l.Logger = newLogger(w, styleOf(w, o), l.level)
		return l, nil
	}
	f, err := openFile(o.File, screen.Raw(w))
	if err != nil {
		return nil, err
	}
	l.file = f
	l.Logger = newLogger(f, style{format: o.Format, utf8: screen.SpeaksUTF8(os.Getenv)}, l.level)
	return l, nil
}

// Also has every line written to w as well. Only Format and Terminal of the options count.
func (l *Log) Also(w io.Writer, o Options) {
	more := newLogger(w, styleOf(w, o), l.level)
	l.Logger = zap.New(zapcore.NewTee(l.Core(), more.Core()))
}

// Without leaves out lines with one of these messages, whatever their level.
func (l *Log) Without(messages ...string) {
	l.Logger = l.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return lesser{c, messages} }))
}

// lesser is a Core that drops lines with one of these messages.
type lesser struct {
	zapcore.Core
	messages []string
}

func (c lesser) With(fields []zapcore.Field) zapcore.Core {
	return lesser{c.Core.With(fields), c.messages}
}

func (c lesser) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if slices.Contains(c.messages, e.Message) {
		return to
	}
	return c.Core.Check(e, to)
}

// SetLevel changes from which level on lines are written, at once and for all loggers.
func (l *Log) SetLevel(level string) { l.level.SetLevel(levelOf(level)) }

// Reopen opens the log's file anew, after it was renamed or removed; without one it does nothing. If that fails
// standard error takes the lines and says so once, and every line tries the file again.
func (l *Log) Reopen() {
	if l.file != nil {
		l.file.Reopen()
	}
}

// Close closes the log's file, if there is one. Lines that come later go to standard error.
func (l *Log) Close() {
	if l.file != nil {
		l.file.Close()
	}
}

// levelOf is a level by its name, which was checked when the configuration was read.
func levelOf(level string) zapcore.Level {
	lvl, err := zapcore.ParseLevel(level)
	if err != nil {
		return zapcore.InfoLevel
	}
	return lvl
}
