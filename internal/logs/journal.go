package logs

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// IsJournal tells whether w is a stream to systemd's journal: JOURNAL_STREAM holds its device and inode, and stays set
// when standard error was redirected since. See systemd.exec(5).
func IsJournal(w io.Writer, getenv func(string) string) bool {
	stream := getenv("JOURNAL_STREAM")
	f, ok := w.(*os.File)
	if stream == "" || !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// journalEncoder puts the priority of sd-daemon(3), "<6>" say, in front of every line.
type journalEncoder struct{ zapcore.Encoder }

var linePool = buffer.NewPool()

func (e journalEncoder) Clone() zapcore.Encoder { return journalEncoder{e.Encoder.Clone()} }

func (e journalEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	text, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil {
		return nil, err
	}
	defer text.Free()
	line := linePool.Get()
	line.AppendString(priority(entry.Level))
	_, err = line.Write(text.Bytes())
	return line, err
}

// priority is the level in syslog's numbers.
func priority(l zapcore.Level) string {
	switch {
	case l <= zapcore.DebugLevel:
		return "<7>"
	case l == zapcore.InfoLevel:
		return "<6>"
	case l == zapcore.WarnLevel:
		return "<4>"
	case l == zapcore.ErrorLevel:
		return "<3>"
	}
	return "<2>"
}
