package logs

import (
	"unicode/utf8"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"github.com/popsync/popsync/internal/foreign"
)

// plainEncoder makes whole lines ASCII: nobody knows what a log will be looked at with. safeCore has left only printable
// characters.
type plainEncoder struct {
	zapcore.Encoder
	json bool // say the same by \uNNNN, else by \xNN
}

func (e plainEncoder) Clone() zapcore.Encoder { return plainEncoder{e.Encoder.Clone(), e.json} }

func (e plainEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	text, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil || isASCII(text.Bytes()) {
		return text, err
	}
	defer text.Free()
	line := linePool.Get()
	if e.json {
		_, err = line.Write(foreign.JSON(text.Bytes()))
	} else {
		line.AppendString(foreign.ASCII(text.String()))
	}
	return line, err
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
