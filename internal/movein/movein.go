// Package movein does the work of 'popsync import': it opens the files that are named, has internal/imports translate them, prints the
// configuration or writes it into a folder with the passwords beside it, and says what became of each key. Of a file in which another
// fetcher remembers what it has, it says how much of that is on the server, and has it marked as known. It runs nothing, asks no server
// itself, and writes over nothing. cmd/popsync calls it.
package movein

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/popsync/popsync/internal/console"
	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/exit"
	"github.com/popsync/popsync/internal/imports"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/screen"
	"github.com/popsync/popsync/internal/words"
)

// Import translates files of a tool: "-" is standard input. It reads all files before it prints or writes anything; of several, one
// that makes no sense is left out, and said. folder is where
// accounts and passwords are written; "": the configuration goes to standard output. An error has its exit code.
func Import(c *console.Console, tool imports.Tool, files []string, folder string) error {
	if err := known(tool); err != nil {
		return err
	}
	all := &imports.Found{}
	var failed error
	for _, file := range files {
		found, err := read(c, tool, file)
		if broken, ok := errors.AsType[*imports.Error](err); ok && len(files) > 1 { // the others are good
			all.Remarks = append(all.Remarks, imports.Remark{Line: broken.Line, Key: words.Quote(file), Kind: imports.Decide, Why: "left out: " + broken.Text})
			failed = cmp.Or(failed, err)
			continue
		} else if err != nil {
			return err
		}
		all.Accounts = append(all.Accounts, found.Accounts...)
		all.Remarks = append(all.Remarks, found.Remarks...)
	}
	if len(all.Accounts) == 0 && failed != nil {
		return failed
	}
	all.Name()
	if folder == "" {
		for i := range all.Accounts {
			if i > 0 {
				fmt.Fprintln(c.Out)
			}
			if err := all.Accounts[i].Write(c.Out, func(*imports.Account, int) string { return "" }); err != nil {
				return err
			}
		}
	} else if err := write(c, all, folder); err != nil {
		return err
	}
	return tell(c, tool, all)
}

// known refuses what is no tool.
func known(tool imports.Tool) error {
	var names []string
	for _, t := range imports.Tools() {
		if t == tool {
			return nil
		}
		names = append(names, string(t))
	}
	return exit.Errorf(exit.Usage, "there is no tool %q: it is one of %s", tool, strings.Join(names, ", "))
}

func read(c *console.Console, tool imports.Tool, file string) (*imports.Found, error) {
	shown, data, err := octets(c, file, imports.Largest)
	if err != nil {
		return nil, err
	}
	found, err := imports.Config(tool, data)
	if err != nil {
		return nil, exit.Errorf(exit.Config, "%s: %w", shown, err)
	}
	return found, nil
}

// octets reads a file, "-" is standard input: of a larger one, one octet more than most. shown is the file as people see it.
func octets(c *console.Console, file string, most int64) (shown string, data []byte, err error) {
	shown, in := file, io.Reader(c.In)
	if file == "-" {
		shown = "standard input"
	} else {
		f, _, err := safepath.Reach(file)
		if err != nil {
			return "", nil, exit.With(exit.Config, err)
		}
		defer f.Close()
		in = f
	}
	if data, err = io.ReadAll(io.LimitReader(in, most+1)); err != nil {
		return "", nil, exit.With(exit.Config, err)
	}
	return shown, data, nil
}

// write writes each account and its passwords. What is there already is never written over, so that a second import
// cannot undo what a person changed.
func write(c *console.Console, all *imports.Found, folder string) error {
	if rest, ok := strings.CutPrefix(folder, "~/"); ok { // as shells leave it in --write=~/FOLDER
		home, err := os.UserHomeDir()
		if err != nil {
			return exit.With(exit.Config, err)
		}
		folder = filepath.Join(home, rest)
	}
	path, err := filepath.Abs(folder)
	if err != nil {
		return exit.With(exit.Config, err)
	}
	dir, err := safepath.MakeDirs(path, durable.SyncDir)
	if err != nil {
		return exit.With(exit.Config, safepath.WithNextStep(err))
	}
	defer dir.Close()
	type file struct{ name, text string }
	var files []file // an account's passwords before the account
	for i := range all.Accounts {
		acc := &all.Accounts[i]
		var b strings.Builder
		if err := acc.Write(&b, func(_ *imports.Account, destination int) string {
			secret, name := acc.Secret, acc.Name+".password"
			if destination >= 0 {
				secret, name = acc.Deliver[destination].Secret, fmt.Sprintf("%s.deliver%d.password", acc.Name, destination+1)
			}
			if secret == "" {
				return ""
			}
			files = append(files, file{name, secret + "\n"})
			return "password_file = " + strconv.Quote(filepath.Join(path, name))
		}); err != nil {
			return err
		}
		files = append(files, file{acc.Name + ".toml", b.String()})
	}
	there := func(name string) error {
		return exit.Errorf(exit.Config, "%s exists already: remove or rename it, or choose another folder", filepath.Join(path, name))
	}
	for _, f := range files { // before any is written: a password must not be left beside an account of somebody else's
		if _, err := safepath.StatAt(dir, f.name); err == nil {
			return there(f.name)
		}
	}
	for _, f := range files {
		switch err := durable.CreateFile(dir, f.name, []byte(f.text), 0o600); {
		case errors.Is(err, os.ErrExist):
			return there(f.name)
		case err != nil:
			return exit.With(exit.Temp, err)
		}
		fmt.Fprintf(c.Out, "wrote %s\n", filepath.Join(path, f.name))
	}
	if filepath.Base(path) == "accounts.d" {
		fmt.Fprintf(c.Out, "popsync reads them with the configuration in %s\n", filepath.Dir(path))
	} else {
		fmt.Fprintf(c.Out, "popsync reads them if its configuration has: include = [%q]\n", filepath.Join(path, "*.toml"))
	}
	return nil
}

// tell says what became of each key, and whether a person must decide something.
func tell(c *console.Console, tool imports.Tool, all *imports.Found) error {
	var rows [][]string
	decide := 0
	add := func(name string, remarks []imports.Remark) {
		for _, r := range remarks {
			line := "-"
			if r.Line > 0 {
				line = strconv.Itoa(r.Line)
			}
			if r.Kind == imports.Decide {
				decide++
			}
			rows = append(rows, []string{cmp.Or(name, "(the file)"), line, r.Key, r.Kind.String(), r.Why})
		}
	}
	add("", all.Remarks)
	for _, acc := range all.Accounts {
		add(acc.Name, acc.Remarks)
	}
	if err := screen.Table(c.Err, []string{"ACCOUNT", "LINE", "KEY", "WHAT BECAME OF IT", ""}, rows); err != nil {
		return err
	}
	fmt.Fprintf(c.Err, "\n%s. Nothing was fetched, and no server was asked. Mail stays on the server.\n", words.Number(len(all.Accounts), "account"))
	fmt.Fprintf(c.Err, "What %s fetched already is taken over later: popsync import %[1]s --state FILE --into ACCOUNT\n", tool)
	if decide > 0 {
		return exit.Errorf(exit.Config, "%s before the accounts can be used: see 'to be decided' above", words.Number(decide, "decision")+words.Plural(decide, " is needed", " are needed"))
	}
	return nil
}
