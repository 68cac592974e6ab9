package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/popsync/popsync/internal/foreign/foreigntest"
)

// What a server says in UTF-8 is in the log as what it says: by \uNNNN in JSON, and on a screen where the locale knows it.
func TestLogSaysWhatWasSaid(t *testing.T) {
	for _, c := range []struct {
		style style
		want  string
	}{
		{style{format: "json"}, `"msg":"\u5bc6","s":"\u7801"`}, {style{format: "json", utf8: true}, `"msg":"\u5bc6","s":"\u7801"`},
		{style{format: "console", utf8: true}, `密  {"s": "码"}`}, {style{format: "console"}, `\xe5\xaf\x86  {"s": "\xe7\xa0\x81"}`},
		{style{format: "json", journal: true}, `<6>{"level":"info","msg":"\u5bc6","s":"\u7801"}`},
	} {
		var b bytes.Buffer
		newLogger(&b, c.style, zap.DebugLevel).Info("密", zap.String("s", "码"))
		if !strings.Contains(b.String(), c.want) || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%+v: %s", c.style, b.String())
		}
	}
}

type shouter string

func (s shouter) String() string { return string(s) }
func (s shouter) Error() string  { return string(s) }

type marshaler string

func (m marshaler) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString(string(m), string(m))
	return nil
}

type bomb struct{}

func (*bomb) String() string { panic("boom") }

// everyField has a field of each kind that can carry text.
func everyField(key, s string) []zap.Field {
	return []zap.Field{
		zap.String(key, s), zap.ByteString(key+"1", []byte(s)), zap.Binary(key+"2", []byte(s)), zap.Any(key+"3", map[string]string{s: s}),
		zap.Strings(key+"4", []string{s, s}), zap.Error(errors.New(s)), zap.NamedError(key+"5", shouter(s)),
		zap.Stringer(key+"6", shouter(s)), zap.Object(key+"7", marshaler(s)), zap.Inline(marshaler(s)),
		zap.Reflect(key+"8", []any{s, 1}), zap.Errors(key+"9", []error{errors.New(s)}), zap.Stringer("bomb", (*bomb)(nil)),
		zap.Duration("took", time.Second), zap.Duration("short", 1500*time.Nanosecond), zap.Time("then", time.Unix(0, 0)), zap.Int("n", 1), zap.Bool("ok", true),
		zap.Any("fn", func() {}), zap.Namespace(key + "ns"), zap.String("inside", s),
	}
}

// checkLog writes foreign text in every way that zap has, at every level, and looks at what comes out.
func checkLog(t *testing.T, format string, terminal bool, key, s string) {
	t.Helper()
	var b bytes.Buffer
	log := newLogger(&b, style{format: format, terminal: terminal}, zap.DebugLevel)
	lines := 0
	for _, lvl := range []zapcore.Level{zap.DebugLevel, zap.InfoLevel, zap.WarnLevel, zap.ErrorLevel} {
		log.Log(lvl, s, everyField(key, s)...)
		log.With(everyField(key, s)...).Named(s).Log(lvl, s, zap.String(key, s))
		log.WithLazy(zap.String(key, s)).Log(lvl, s)
		log.WithOptions(zap.AddStacktrace(zap.DebugLevel), zap.AddCaller()).Log(lvl, s)
		if ce := log.Check(lvl, s); ce != nil {
			ce.Write(zap.String(key, s))
		}
		log.Sugar().Logw(lvl, s, key, s)
		lines += 6
	}
	out := b.String()
	if n := strings.Count(out, "\n"); terminal == false && format == "json" && n != lines || n < lines {
		t.Errorf("%d lines for %d entries", n, lines)
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if i := foreigntest.Odd(line); i >= 0 {
			t.Fatalf("octet %d of a line is %#x: %.100q", i, line[i], line)
		}
		if format == "json" {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatalf("%v: %.200s", err, line)
			}
			checkLength(t, v)
		}
	}
}

func checkLength(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case string:
		if len(v) > maxField {
			t.Errorf("a field of %d octets: %.60q", len(v), v)
		}
	case map[string]any:
		for k, x := range v {
			checkLength(t, k)
			checkLength(t, x)
		}
	}
}

func TestLogIsPrintable(t *testing.T) {
	t.Setenv("NO_COLOR", "1") // the colour of a level is ours
	for _, format := range []string{"json", "console", "auto"} {
		for name, s := range foreigntest.Nasty() {
			t.Run(format+"/"+name, func(t *testing.T) {
				checkLog(t, format, false, "key", s)
				checkLog(t, format, true, s, s)
			})
		}
	}
	var b bytes.Buffer
	newLogger(&b, style{format: "json"}, zap.DebugLevel).Info("m", zap.String("s", strings.Repeat("\x9b", 1<<20)), zap.ByteString("b", make([]byte, 1<<20)))
	if n := b.Len(); n > 5000 || foreigntest.Odd(strings.TrimSuffix(b.String(), "\n")) >= 0 {
		t.Errorf("much became %d octets", n)
	}
}

// What the core leaves out by level, it leaves out.
func TestLogLevel(t *testing.T) {
	var b bytes.Buffer
	log := newLogger(&b, style{format: "json"}, zap.WarnLevel).With(zap.String("a", "b"))
	log.Debug("x")
	log.Info("x")
	log.Warn("kept")
	if n := strings.Count(b.String(), "\n"); n != 1 || !strings.Contains(b.String(), "kept") || log.Core().Enabled(zap.InfoLevel) {
		t.Errorf("%q", b.String())
	}
}

// The text of an error is shown, and nothing that only %+v would show.
type secretive struct{}

func (secretive) Error() string { return "refused" }

func TestLogShowsErrorTextOnly(t *testing.T) {
	var b bytes.Buffer
	newLogger(&b, style{format: "json"}, zap.DebugLevel).Info("m", zap.Error(secretive{}))
	if !strings.Contains(b.String(), `"error":"refused"`) || strings.Contains(b.String(), "Verbose") {
		t.Error(b.String())
	}
}

func FuzzLogSafe(f *testing.F) {
	for _, s := range foreigntest.Nasty() {
		f.Add("key", s[:min(len(s), 2000)], false)
	}
	f.Fuzz(func(t *testing.T, key, s string, console bool) {
		format := "json"
		if console {
			format = "console"
		}
		checkLog(t, format, false, key, s)
	})
}
