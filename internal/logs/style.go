package logs

import (
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/popsync/popsync/internal/screen"
)

// style is how lines look.
type style struct {
	format   string // auto (console on a terminal, else json), console or json
	terminal bool   // a person is watching: colours, unless NO_COLOR is set
	utf8     bool   // the locale has UTF-8; matters for console only, json is ASCII
	journal  bool   // systemd's journal reads: its priorities in front, and no time, which it adds itself
}

// styleOf is the style of lines that go to standard error.
func styleOf(w io.Writer, o Options) style {
	return style{format: o.Format, terminal: o.Terminal, utf8: screen.SpeaksUTF8(os.Getenv), journal: IsJournal(screen.Raw(w), os.Getenv)}
}

// newLogger builds the log by hand: no sampling, so that every "delivered" line is there, and no stack traces. It writes below
// a screen.Writer, which would show the colours of levels, which are ours, as text; its lines are printable anyway.
func newLogger(w io.Writer, style style, level zapcore.LevelEnabler) *zap.Logger {
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
