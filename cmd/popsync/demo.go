package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/popsync/popsync/config"
	"github.com/popsync/popsync/fetcher"
	"github.com/popsync/popsync/fetcher/verdict"
	"github.com/popsync/popsync/internal/outcome"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
	"github.com/popsync/popsync/pop3/pop3test"
)

func (a *app) demoCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Fetch a sample mailbox from a built-in server",
		Long: `Start a POP3 server on loopback with a small mailbox of awkward mail, fetch it into a temporary Maildir, show what
arrived, fetch again (nothing is new), and clean up. Nothing of yours is touched.`,
		Args: a.alone("demo"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave the Maildir and the ledger for a look")
	return c
}

func (a *app) demo(ctx context.Context, keep bool) error {
	dir, err := os.MkdirTemp("", "popsync-demo-")
	if err != nil {
		return &exitError{exitTemp, err}
	}
	if !keep {
		defer os.RemoveAll(dir)
	}
	mail := samples()
	server := pop3test.NewServer(pop3test.Options{})
	defer server.Close()
	var box []pop3test.Message
	for i, s := range mail {
		box = append(box, pop3test.Message{UID: fmt.Sprintf("demo-%02d", i+1), Data: []byte(s.data)})
	}
	server.AddUser("demo", "demo", box...)
	addr, err := server.Listen()
	if err != nil {
		return &exitError{exitTemp, err}
	}
	text := fmt.Sprintf(demoConfig, filepath.Join(dir, "state"), addr.Port, filepath.Join(dir, "Mail"))
	fmt.Fprintf(a.out, "A POP3 server listens on 127.0.0.1:%d with %s. The configuration:\n\n%s\n", addr.Port, words.Number(len(mail), "message"),
		indent(text))
	cfg, err := config.Parse("demo", []byte(text), config.Env(os.Getenv), config.Options{CheckSchedule: checkSchedule})
	if err != nil {
		return &exitError{exitInternal, err}
	}
	for _, what := range []string{"First run", "Second run: nothing is new, nothing is delivered twice"} {
		fmt.Fprintf(a.out, "%s:\n", what)
		rep, err := a.demoPass(ctx, cfg)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "  %d new (%s), %d kept on the server, %s\n\n", rep.New, words.Octets(rep.Bytes), rep.Kept, outcome.Word(rep))
		if rep.Verdict.Class != verdict.OK {
			a.complain(rep.Verdict.Message, words.Clip(rep.Verdict.Hint))
			return &exitError{exitOf(rep.Verdict.Class), errReported}
		}
	}
	if err := a.demoMail(filepath.Join(dir, "Mail"), mail); err != nil {
		return err
	}
	if keep {
		fmt.Fprintf(a.out, "\nThe Maildir and the ledger are in %s\n", words.Clip(dir))
	} else {
		fmt.Fprintf(a.out, "\nEverything is cleaned up. Now write your own configuration: config.example.toml\nshows how, and 'popsync check' tests it.\n")
	}
	return nil
}

const demoConfig = `state_dir = %q

[account.demo]
host     = "127.0.0.1"
port     = %d
tls      = "none"     # on loopback only: without this key it is encrypted
username = "demo"
password = "demo"

[[account.demo.deliver]]
type = "maildir"
path = %q
`

func (a *app) demoPass(ctx context.Context, cfg *config.Config) (fetcher.Report, error) {
	ledger, err := openLedger(ctx, cfg)
	if err != nil {
		return fetcher.Report{}, err
	}
	defer ledger.Close()
	reports := passes(ctx, cfg, cfg.Accounts, ledger, zap.NewNop(), nil, func(c config.Account) (fetcher.Account, fetcher.Options, error) {
		acc, err := a.wire(cfg, c, a.prompt(c))
		return acc, options(cfg.Limits), err
	})
	return reports[0], nil
}

// demoMail compares the Maildir with what was sent and shows it, one line per message.
func (a *app) demoMail(dir string, mail []sample) error {
	arrived := map[string]int{}
	files, err := os.ReadDir(filepath.Join(dir, "new"))
	if err != nil {
		return &exitError{exitInternal, err}
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, "new", f.Name()))
		if err != nil {
			return &exitError{exitInternal, err}
		}
		arrived[string(b)]++
	}
	if len(files) != len(mail) {
		return fail(exitInternal, "the Maildir holds %d messages, not %d", len(files), len(mail))
	}
	var rows [][]string
	for i, s := range mail {
		want := strings.ReplaceAll(s.data, "\r\n", "\n")
		state := "every byte the same"
		if arrived[want]--; arrived[want] < 0 {
			state = "NOT as it was sent"
			err = fail(exitInternal, "message %d did not arrive as it was sent", i+1)
		}
		rows = append(rows, []string{"  " + fmt.Sprint(i+1), s.about, words.Octets(int64(len(s.data))), state})
	}
	if terr := screen.Table(a.out, []string{"  #", "MESSAGE", "SIZE", "IN THE MAILDIR"}, rows); terr != nil {
		return terr
	}
	return err
}

func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if line != "\n" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	return b.String()
}
