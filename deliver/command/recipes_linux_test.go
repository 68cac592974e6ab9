package command

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recipes are the sections of docs/recipes-command.md that are tried here, each with the programs that it needs.
var recipes = []struct {
	title    string
	programs []string
	try      func(*testing.T, *kitchen)
}{
	{"maildrop into an mbox", []string{"maildrop"}, tryMbox},
	{"maildrop into a Maildir", []string{"maildrop", "maildirmake.maildrop"}, trySorted("Maildir/new", "Maildir/.Gophers/new")},
	{"procmail", []string{"procmail"}, tryProcmail},
	{"dovecot-lda", []string{"/usr/lib/dovecot/dovecot-lda"}, trySorted("Maildir/new", "Maildir/new")},
	{"dovecot-lda with a Sieve filter", []string{"/usr/lib/dovecot/dovecot-lda", "sieve-test"}, trySieve},
	{"rspamd, then maildrop", []string{"maildrop", "maildirmake.maildrop", "rspamc", "rspamd"}, tryRspamd},
}

const (
	recipesDoc  = "POPSYNC_TEST_RECIPES" // path of the document, for the test run again as an ordinary user
	needs       = "maildrop, procmail, dovecot-core, dovecot-sieve and rspamd"
	listMail    = "From: Jo <jo@a.example>\r\nList-Id: <gophers.example>\r\nSubject: hi\r\n\r\nlist\r\n"
	strangeMail = "From: Jo <jo@a.example>\r\nSubject: hi\r\n\r\n.\r\n..\r\nFrom here\r\n\xe9\xff nul \x00\r\n.\r\n"
)

// TestRecipes takes what the document says, and does it with Debian's programs. They behave otherwise for root, so root
// runs this test once more as nobody.
func TestRecipes(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "recipes-command.md"))
	if path := os.Getenv(recipesDoc); path != "" {
		doc, err = os.ReadFile(path)
	}
	must(t, err)
	if os.Getuid() == 0 {
		asNobody(t, doc)
		return
	}
	sections := map[string]string{}
	for s := range strings.SplitSeq(string(doc), "\n## ") {
		title, text, _ := strings.Cut(s, "\n")
		sections[title] = text
	}
	for _, r := range recipes {
		text, ok := sections[r.title]
		if !ok {
			t.Errorf("the document has no section %q", r.title)
		}
		delete(sections, r.title)
		t.Run(r.title, func(t *testing.T) {
			for _, p := range r.programs {
				_, err := exec.LookPath(p)
				switch {
				case err == nil:
				case os.Getenv("CI") != "":
					t.Fatalf("%v; the Debian packages are %s", err, needs)
				default:
					t.Skipf("RECIPE NOT TESTED: %v; the Debian packages are %s", err, needs)
				}
			}
			r.try(t, &kitchen{home: folder(t), text: text})
		})
	}
	for title, text := range sections {
		if strings.Contains(text, "\ncommand =") && title != "What a command gets" && !strings.HasPrefix(title, "# ") {
			t.Errorf("the recipe %q is not tested", title)
		}
	}
}

// asNobody copies the test and the document to where nobody can read them, and runs it.
func asNobody(t *testing.T, doc []byte) {
	const nobody = 65534
	dir := folder(t)
	program, tmp, copied := filepath.Join(dir, "test"), filepath.Join(dir, "tmp"), filepath.Join(dir, "doc")
	self, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	must(t, os.WriteFile(program, self, 0o755))
	must(t, os.WriteFile(copied, doc, 0o644))
	must(t, os.Mkdir(tmp, 0o755))
	must(t, os.Chown(tmp, nobody, nobody))
	for _, p := range []string{program, copied, tmp} {
		must(t, os.Chmod(p, 0o755)) // whatever the umask is
	}
	cmd := exec.Command(program, "-test.run=^TestRecipes$", "-test.v", "-test.timeout=5m")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), recipesDoc+"="+copied, "TMPDIR="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	t.Logf("as nobody:\n%s", out)
	if err != nil {
		t.Errorf("as nobody: %v", err)
	}
	if tried := bytes.Count(out, []byte("--- PASS: TestRecipes/")); tried == 0 || tried < len(recipes) && os.Getenv("CI") != "" {
		if os.Getenv("CI") == "" {
			t.Skip("RECIPES NOT TESTED: see above")
		}
		t.Errorf("%d recipes were tried", tried)
	}
}

// kitchen is one recipe and a home to try it in.
type kitchen struct {
	home, text string
	ready      bool // what is done once was done
}

var (
	fileBlock = regexp.MustCompile("(?s)\n`(/home/me/[^`]+)`[^\n]*:\n\n```\n(.*?)```\n")
	shBlock   = regexp.MustCompile("(?s)\n```sh\n(.*?)```\n")
	argsLine  = regexp.MustCompile(`\ncommand = (\[[^\]]*\])\n`)
)

// prepare writes the files of the recipe, does what it asks to be done once, and returns a Sender.
func (k *kitchen) prepare(t *testing.T, replace ...string) *Sender {
	t.Helper()
	text := strings.NewReplacer(append(replace, "/home/me", k.home)...).Replace(k.text)
	files := regexp.MustCompile(strings.ReplaceAll(fileBlock.String(), "/home/me", regexp.QuoteMeta(k.home)))
	written := files.FindAllStringSubmatch(text, -1)
	if len(written) == 0 {
		t.Error("no file in the recipe")
	}
	for _, f := range written {
		must(t, os.MkdirAll(filepath.Dir(f[1]), 0o755))
		mode := fs.FileMode(0o600)
		if strings.HasPrefix(f[2], "#!") {
			mode = 0o700
		}
		must(t, os.WriteFile(f[1], []byte(f[2]), mode))
	}
	for _, b := range shBlock.FindAllStringSubmatch(text, -1) {
		if k.ready {
			break
		}
		if out, err := exec.Command("sh", "-euc", b[1]).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", b[1], err, out)
		}
	}
	k.ready = true
	line := argsLine.FindStringSubmatch(text)
	if line == nil {
		t.Fatal("no command in the recipe")
	}
	var args []string
	must(t, json.Unmarshal([]byte(line[1]), &args)) // an array of basic strings of TOML is one of JSON
	return sender(t, Options{Args: args, Timeout: time.Minute})
}

// arrived returns what lies in a folder, sorted.
func (k *kitchen) arrived(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.home, dir, "*"))
	must(t, err)
	all := []string{}
	for _, f := range files {
		all = append(all, read(t, f))
	}
	slices.Sort(all)
	return all
}

func (k *kitchen) want(t *testing.T, dir string, mails ...string) {
	t.Helper()
	for i, m := range mails {
		mails[i] = strings.ReplaceAll(m, "\r\n", "\n")
	}
	slices.Sort(mails)
	if got := k.arrived(t, dir); !slices.Equal(got, mails) {
		t.Errorf("%s has\n%q, want\n%q", dir, got, mails)
	}
}

func send(t *testing.T, s *Sender, mails ...string) {
	t.Helper()
	for _, m := range mails {
		must(t, s.Send(context.Background(), outgoing(m)))
	}
}

// big is longer than what agents keep in memory.
var big = hello + strings.Repeat("0123456789 abcdefghijklmnopqrstuvwxyz\r\n", 100_000)

func tryMbox(t *testing.T, k *kitchen) {
	s := k.prepare(t)
	send(t, s, hello, "Return-Path: <>\r\n"+hello+"From here\r\n")
	got := read(t, filepath.Join(k.home, "mail", "inbox.mbox"))
	want := "(?s)^From jo@a.example [^\n]*\nFrom: Jo <jo@a.example>\nSubject: hi\n\nbody\n\n" +
		"From [a-z]+ [^\n]*\nReturn-Path: <>\nFrom: Jo <jo@a.example>\nSubject: hi\n\nbody\n>From here\n\n$"
	if !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got %q", got)
	}
	send(t, s, big, "") // of no octets: the document says that it vanishes
	if got := read(t, filepath.Join(k.home, "mail", "inbox.mbox")); !strings.HasSuffix(got, strings.ReplaceAll(big, "\r\n", "\n")+"\n") {
		t.Error("the large one is not the last, or was changed")
	}
	must(t, os.Chmod(filepath.Join(k.home, "mail", "inbox.mbox"), 0o400))
	later(t, s)
	must(t, os.Remove(filepath.Join(k.home, ".popsync", "mailfilter")))
	later(t, s)
}

// later: a fault that a person can repair costs no message.
func later(t *testing.T, s *Sender) {
	t.Helper()
	if e := fails(t, s, outgoing(hello)); e.Permanent || e.Uncertain || !strings.Contains(e.Error(), "75") {
		t.Errorf("%+v", e)
	}
}

func trySorted(inbox, list string) func(*testing.T, *kitchen) {
	return func(t *testing.T, k *kitchen) {
		s := k.prepare(t)
		send(t, s, hello, big, strangeMail)
		k.want(t, inbox, hello, big, strangeMail)
		send(t, s, listMail)
		if list == inbox {
			k.want(t, inbox, hello, big, strangeMail, listMail)
		} else {
			k.want(t, list, listMail)
		}
		must(t, os.RemoveAll(filepath.Join(k.home, "Maildir")))
		must(t, os.WriteFile(filepath.Join(k.home, "Maildir"), nil, 0o600))
		later(t, s)
		must(t, os.RemoveAll(filepath.Join(k.home, ".popsync")))
		later(t, s)
	}
}

func trySieve(t *testing.T, k *kitchen) {
	trySorted("Maildir/new", "Maildir/.Gophers/new")(t, k)
	k.home = folder(t)
	s := k.prepare(t)
	must(t, os.WriteFile(filepath.Join(k.home, ".popsync", "filter.sieve"), []byte("if if"), 0o600))
	send(t, s, listMail)
	k.want(t, "Maildir/new", listMail)
	if read(t, filepath.Join(k.home, ".popsync", "filter.sieve.log")) == "" {
		t.Error("no reason")
	}
}

func tryProcmail(t *testing.T, k *kitchen) {
	s := k.prepare(t)
	send(t, s, hello, listMail, big, strangeMail)
	k.want(t, "mail/new-mail/new", hello, big, strangeMail)
	k.want(t, "mail/gophers/new", listMail)
	rc := filepath.Join(k.home, ".popsync", "procmailrc")
	must(t, os.WriteFile(rc, []byte("MAILDIR="+k.home+"/mail\n:0\n* ^Subject: nothing like it\nno/\n"), 0o600))
	later(t, s)
	must(t, os.Remove(rc))
	later(t, s)
}

func tryRspamd(t *testing.T, k *kitchen) {
	address := startRspamd(t)
	s := k.prepare(t, "localhost:11333", address)
	const spam = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X" // rspamd knows it
	nul := hello + "a\x00b\r\n"
	send(t, s, hello, big, nul, hello+spam+"\r\n")
	inbox := k.arrived(t, "Maildir/new")
	for _, want := range []string{hello, big, nul} {
		head, body, _ := strings.Cut(strings.ReplaceAll(want, "\r\n", "\n"), "\n\n")
		if !slices.ContainsFunc(inbox, func(got string) bool {
			return strings.HasPrefix(got, head+"\n") && strings.HasSuffix(got, "\n\n"+body) &&
				strings.Contains(got, "\nX-Spam-Action: no action\n") == (want != nul)
		}) {
			t.Errorf("not there: %.200q", want)
		}
	}
	junk := k.arrived(t, "Maildir/.Junk/new")
	if len(inbox) != 3 || len(junk) != 1 || !strings.Contains(junk[0], "\nX-Spam-Action: reject\n") {
		t.Errorf("%d in the inbox, junk: %q", len(inbox), junk)
	}
	later(t, k.prepare(t, "localhost:11333", "127.0.0.1:1"))
	if n := len(k.arrived(t, "Maildir/new")); n != 3 {
		t.Errorf("%d in the inbox", n)
	}
}

// startRspamd runs a private rspamd that asks nobody and keeps nothing, and returns its address.
func startRspamd(t *testing.T) string {
	dir := folder(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	conf := filepath.Join(dir, "rspamd.conf")
	must(t, os.WriteFile(conf, []byte(strings.NewReplacer("DIR", dir, "ADDRESS", address).Replace(`
options {
  filters = [];
  gtube_patterns = "all";
  pidfile = "DIR/pid";
  control_socket = "DIR/control mode=0600";
  hs_cache_dir = "DIR";
  url_tld = "DIR/tld"; # the whole list takes it 15 s to compile
  dns { nameserver = ["127.0.0.1:9"]; }
}
logging { type = "console"; level = "warning"; }
metric { actions { reject = 15; add_header = 6; } }
worker "normal" { bind_socket = "ADDRESS"; count = 1; enabled = true; }
`)), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "tld"), []byte("example\n"), 0o600))
	var log bytes.Buffer
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "rspamd", "-f", "-c", conf, "--var=DBDIR="+dir, "--var=RUNDIR="+dir)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	must(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("rspamd: %s", log.String())
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ask := exec.Command("rspamc", "-h", address, "--mime")
		ask.Stdin = strings.NewReader(hello)
		if ask.Run() == nil {
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("rspamd does not answer")
		}
	}
}
