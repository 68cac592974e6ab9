package logs

import (
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/popsync/popsync/internal/words"
)

// maxField is the longest that a field may get, in octets: what words.Clip lets through.
const maxField = 1024

// safeCore makes it a property of the log, not a habit of whoever writes to it, that a line has only printable characters, with
// \xNN for every other octet, and that no field is longer than 1 KiB, in every format: encoders leave escape sequences,
// C1 control characters or marks of direction as they are. See plainEncoder, too. It wraps one core that writes; its level is that core's.
type safeCore struct{ zapcore.Core }

// With cleans here, because an encoder renders these fields at once and never shows them to Write.
func (c safeCore) With(fields []zapcore.Field) zapcore.Core {
	return safeCore{c.Core.With(safeFields(fields))}
}

// Check must not pass the entry on to the core inside: that one would add itself, and Write here would be left out.
func (c safeCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c safeCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	e.Message, e.LoggerName, e.Stack = words.Clip(e.Message), words.Clip(e.LoggerName), words.Clip(e.Stack)
	e.Caller.File, e.Caller.Function = words.Clip(e.Caller.File), words.Clip(e.Caller.Function)
	return c.Core.Write(e, safeFields(fields))
}

func safeFields(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, len(fields))
	for i, f := range fields {
		out[i] = safeField(f)
	}
	return out
}

// safeField leaves what can only be digits and the like, and turns all else into one clean string.
func safeField(f zapcore.Field) zapcore.Field {
	key := words.Clip(f.Key)
	switch f.Type {
	case zapcore.DurationType: // whose micro sign is no ASCII
		return zap.String(key, durationText(time.Duration(f.Integer)))
	case zapcore.BoolType, zapcore.Float64Type, zapcore.Float32Type,
		zapcore.Complex128Type, zapcore.Complex64Type,
		zapcore.Int64Type, zapcore.Int32Type, zapcore.Int16Type, zapcore.Int8Type,
		zapcore.Uint64Type, zapcore.Uint32Type, zapcore.Uint16Type, zapcore.Uint8Type, zapcore.UintptrType,
		zapcore.TimeType, zapcore.TimeFullType, zapcore.NamespaceType, zapcore.SkipType:
		f.Key = key
		return f
	case zapcore.StringType:
		return zap.String(key, words.Clip(f.String))
	case zapcore.ByteStringType:
		if b, ok := f.Interface.([]byte); ok {
			return zap.String(key, words.Clip(string(b[:min(len(b), maxField+1)])))
		}
	}
	if key == "" {
		key = "fields" // inlined ones have no key of their own
	}
	return zap.String(key, words.Clip(render(f)))
}

// durationText is a time with as many digits as it is worth, in ASCII.
func durationText(d time.Duration) string {
	switch {
	case d.Abs() >= time.Minute:
		d = d.Round(time.Second)
	case d.Abs() >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case d.Abs() >= time.Millisecond:
		d = d.Round(time.Millisecond)
	}
	return strings.ReplaceAll(d.String(), "\u00b5", "u")
}

// render gives the text of a field whose type has a method for it. Such a method may panic, on a nil pointer say: a log
// line must never end a pass.
func render(f zapcore.Field) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("%T cannot be shown", f.Interface)
		}
	}()
	switch v := f.Interface.(type) {
	case error:
		return v.Error() // and nothing of %+v, which may show what Error hides
	case fmt.Stringer:
		return v.String()
	}
	f.Key = "v"
	b, err := zapcore.NewJSONEncoder(zapcore.EncoderConfig{SkipLineEnding: true}).EncodeEntry(zapcore.Entry{}, []zapcore.Field{f})
	if err != nil {
		return fmt.Sprintf("%T cannot be shown", f.Interface)
	}
	defer b.Free()
	return b.String()
}
