package postfix

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func code(err error) int {
	var e *textproto.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestPlain(t *testing.T) {
	s := Start(t, Options{Users: []string{"me", "you"}, SizeLimit: 10_000, Checks: "/^Subject: refused/ REJECT not this one\n"})
	send := func(to string, message string) error {
		return smtp.SendMail(s.Addr, nil, "a@a.example", []string{to}, []byte(message))
	}
	const header = "Return-Path: <x@y.example>\r\nBcc: b\r\nContent-Length: 3\r\nFrom: a\r\n\r\n"
	s.must(send("me@"+Domain, header+"one\r\n.\r\n"))
	if got := s.Messages("me"); len(got) != 1 || !bytes.HasSuffix(got[0], []byte(strings.ReplaceAll(header, "\r", "")+"one\n.\n")) {
		t.Errorf("got %q", got)
	}
	if got := s.Messages("you"); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	for _, tt := range []struct {
		to, message string
		code        int
	}{
		{"nobody@" + Domain, header, 550},
		{"me@elsewhere.example", header, 550},
		{"me@" + Domain, "Subject: refused\r\n\r\n", 550},
		{"me@" + Domain, header + strings.Repeat("x\r\n", 5_000), 552},
	} {
		if err := send(tt.to, tt.message); code(err) != tt.code {
			t.Errorf("%s, %.20q: %v, want %d", tt.to, tt.message, err, tt.code)
		}
	}
	if got := s.Messages("me"); len(got) != 1 {
		t.Errorf("%d messages", len(got))
	}
	if log := s.Log(); strings.Contains(log, "fatal:") || strings.Contains(log, "panic:") || strings.Contains(log, "error:") {
		t.Errorf("postfix complains:\n%s", log)
	}
}

func TestTLS(t *testing.T) {
	s := Start(t, Options{Users: []string{"me"}, TLS: true})
	pem, err := os.ReadFile(s.CAFile)
	s.must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := smtp.Dial(s.Addr)
	s.must(err)
	defer c.Close()
	s.must(c.StartTLS(&tls.Config{RootCAs: roots, ServerName: Host}))
	s.must(c.Mail("a@a.example"))
	s.must(c.Quit())
}

// The folder and the processes must be gone when the test that started them is over.
func TestNothingIsLeft(t *testing.T) {
	var s *Server
	t.Run("server", func(t *testing.T) {
		s = Start(t, Options{Users: []string{"me"}})
		s.must(smtp.SendMail(s.Addr, nil, "a@a.example", []string{"me@" + Domain}, []byte("Subject: x\r\n\r\n")))
	})
	if s == nil || s.Addr == "" {
		t.Skip("no server was started")
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("folder %s is still there: %v", s.dir, err)
	}
	if greeting(s.Addr) == nil {
		t.Errorf("%s is still served", s.Addr)
	}
}

// hold makes TestKilled the test that is killed.
const hold = "POPSYNC_TEST_HOLD"

// A test that is killed leaves no process.
func TestKilled(t *testing.T) {
	if os.Getenv(hold) != "" {
		s := Start(t, Options{Users: []string{"me"}})
		fmt.Println("ADDR", s.Addr, s.dir)
		select {}
	}
	Start(t, Options{}) // ends here if there is no Postfix
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), hold+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var addr, dir string
	_, err = fmt.Fscanf(out, "ADDR %s %s\n", &addr, &dir)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil || !strings.Contains(dir, "popsync-postfix-") {
		t.Fatalf("%q, %q, %v", addr, dir, err)
	}
	defer os.RemoveAll(dir)
	for deadline := time.Now().Add(time.Minute); greeting(addr) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is still served", addr)
		}
	}
}
