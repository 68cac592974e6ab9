package main

import (
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger builds the log by hand: no sampling, so that every "delivered" line is there, and no stack traces. level
// and format are those of the configuration's [log]; auto is console on a terminal, else json.
func newLogger(w io.Writer, terminal bool, level, format string) *zap.Logger {
	lvl, err := zapcore.ParseLevel(level)
	if err != nil {
		lvl = zapcore.InfoLevel
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.RFC3339TimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	enc.TimeKey, enc.MessageKey = "time", "msg"
	var encoder zapcore.Encoder
	if format == "console" || format != "json" && terminal {
		enc.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05")
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		if terminal && os.Getenv("NO_COLOR") == "" {
			enc.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		enc.ConsoleSeparator = "  "
		encoder = zapcore.NewConsoleEncoder(enc)
	} else {
		encoder = zapcore.NewJSONEncoder(enc)
	}
	if a, ok := w.(asciiWriter); ok {
		w = a.w // it would show the colours of levels, which are ours, as text
	}
	return zap.New(safeCore{zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), lvl)})
}
