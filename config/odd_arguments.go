package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	braces  = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_-]*\}`)
	percent = regexp.MustCompile(`%[A-Za-z]\b|%\{[^}]*\}`)
	dollar  = regexp.MustCompile("\\$\\{?[A-Za-z_][A-Za-z0-9_]*\\}?|\\$\\(|\\$[0-9@*#]|`")
)

// shellWords mean something to a shell when they stand alone, and nothing to a program.
var shellWords = []string{"|", "||", "&", "&&", ";", "<", ">", ">>", "2>&1", "2>/dev/null", ">/dev/null"}

// knownWords are placeholders of other programs, which may be shown; whatever else stands in braces might be part of a secret.
var knownWords = []string{"{recipient}", "{recipients}", "{to}", "{rcpt}", "{user}", "{username}", "{local}", "{localpart}", "{domain}", "{host}",
	"{mailbox}", "{extension}", "{address}", "{from}", "{uid}", "{size}", "{message}", "{file}", "{path}", "{subject}", "{date}"}

// instead is what a placeholder of another program is called here.
var instead = map[string]string{
	"{from}": "write {sender}", "{uid}": "the program finds it in its environment as POPSYNC_UID",
	"{size}": "the program finds it in its environment as POPSYNC_SIZE", "{message}": "the message is on standard input",
	"{file}": "the message is on standard input",
}

// oddArguments looks at the arguments of a program for what only a shell, or another program's configuration, would replace. A
// script that is an argument of an interpreter is left alone.
func oddArguments(add func(Oddity), o Oddity, args, known []string) {
	for i := range args {
		if i == 0 || script(args, i) {
			continue
		}
		here := o
		here.Key = o.Key.Index(i)
		if here.Text, here.Next = oddArgument(args[i], known); here.Text != "" {
			add(here)
		}
	}
}

func oddArgument(arg string, known []string) (text, next string) {
	const noShell = `no shell runs the program, so it gets this as it stands; write the value itself, or run a shell: ["/bin/sh", "-c", "..."]`
	filled := strings.NewReplacer(pairs(known)...).Replace(arg)
	if word := braces.FindString(dollar.ReplaceAllString(filled, "")); word != "" {
		if known == nil {
			return "a word in braces, which nothing is filled in for", "write the value itself: the program gets this as it stands"
		}
		if next = instead[word]; next == "" {
			next = "write the value itself: popsync fills in " + sequence(known) + ", and nothing tells it a recipient"
		}
		if !slices.Contains(knownWords, word) {
			word = "a word in braces"
		}
		return word + " is no placeholder of popsync, and reaches the program as it stands", next
	}
	switch {
	case slices.Contains(shellWords, arg):
		return fmt.Sprintf("%q means something to a shell only", arg), noShell
	case strings.HasPrefix(arg, "~/") || arg == "~":
		return `"~" at its beginning is not expanded in arguments`, "write the whole path"
	case dollar.MatchString(arg):
		return `a "$" or a backquote as for a shell, which nobody expands`, noShell
	case len(arg) == 2 && percent.MatchString(arg):
		return arg + " is no placeholder of popsync, and reaches the program as it stands", percentNext(known)
	case percent.MatchString(arg):
		return `a "%" with a letter, as for another program, which nobody fills in`, percentNext(known)
	}
	return "", ""
}

func percentNext(known []string) string {
	if known == nil {
		return "write the value itself, if the program does not know it"
	}
	return "popsync fills in " + sequence(known) + "; write anything else as it is, if the program does not know it"
}

// pairs takes words out.
func pairs(words []string) (list []string) {
	for _, w := range words {
		list = append(list, w, "")
	}
	return list
}

// script tells whether the i-th argument is a program for an interpreter, or one of what that program gets, which is its own
// affair: a script may look at them.
func script(args []string, i int) bool {
	name := strings.TrimRight(path.Base(args[0]), "0123456789.")
	flags := map[string]string{"sh": "-c", "bash": "-c", "dash": "-c", "ash": "-c", "ksh": "-c", "zsh": "-c", "fish": "-c", "busybox": "-c",
		"python": "-c", "perl": "-e", "ruby": "-e", "node": "-e", "awk": "", "gawk": "", "mawk": "", "sed": "", "jq": "", "env": "-S"}
	flag, known := flags[name]
	if !known {
		return false
	}
	if flag == "" {
		return true
	}
	for k := 1; k < i; k++ {
		if strings.HasPrefix(args[k], "-") && strings.HasSuffix(args[k], flag[1:]) {
			return true
		}
	}
	return false
}
