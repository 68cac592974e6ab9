package config

import (
	"path"
	"slices"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// disguised is the value of a key as it may be shown: neither a secret nor an argument of a program that may be one. The name of the
// account, which [defaults] may have filled in, is none; "": there is no account.
func disguised(key string, v any, account string) any {
	switch key {
	case string(SecretLiteral), "client_secret", "webhook":
		if v != "" {
			return masked
		}
	case "issuer", "auth_url", "token_url", "device_url", "revoke_url", "redirect":
		if s, ok := v.(string); ok && strings.ContainsAny(s, "@?#") { // a user's password, or a key in the query
			return masked
		}
	case "command", string(SecretCommand), "client_secret_command", "connect_command", "token_command", "new_mail_command":
		if list, ok := v.([]any); ok {
			return disguisedArguments(list, account)
		}
	}
	return v
}

// notMasked refuses what is shown in the place of a text; what says what the text is.
func notMasked(what string) func(string) *fault {
	return func(s string) *fault {
		if s == masked {
			return &fault{text: "is what 'popsync config show' prints in its place", hint: "write the " + what + " itself"}
		}
		return nil
	}
}

// harmless are programs whose arguments name things: those that keep passwords get their names, ssh the way to a server. None of them
// is told a secret by an option whose name does not say so.
var harmless = []string{"pass", "gopass", "secret-tool", "security", "keyring", "rbw", "systemd-creds", "gpg", "gpg2", "age", "cat", "head",
	"ssh", "nc", "maildrop", "procmail", "sendmail", "dovecot-lda", "notify-send", "logger"}

// sshValues are the options of ssh whose value is the next argument.
const sshValues = "BbcDEeFIiJLlmOoPpQRSWw"

// remote is where the command begins that ssh runs elsewhere, behind its options and the host.
func remote(list []any) int {
	for i := 1; i < len(list); i++ {
		arg, _ := list[i].(string)
		switch {
		case !strings.HasPrefix(arg, "-"):
			return i + 1
		case len(arg) == 2 && strings.Contains(sshValues, arg[1:]):
			i++
		}
	}
	return len(list)
}

// disguisedArguments shows of a program's arguments its path, options, the paths of files, and placeholders; all else may be a
// secret, unless the program is known for other things.
func disguisedArguments(list []any, account string) []any {
	shown := slices.Clone(list)
	program, before := "", ""
	for i := range list {
		arg, _ := list[i].(string)
		switch {
		case program == "ssh" && i >= remote(list):
			rest := disguisedArguments(list[i:], account)
			if strings.ContainsAny(arg, " \t") { // a whole command line for the shell there
				rest[0] = masked
			}
			copy(shown[i:], rest)
			return shown
		case i == 0:
			program = path.Base(arg)
		case arg == account && account != "" && (!strings.HasPrefix(before, "-") || strings.HasPrefix(before, "--") && document.Showable(before)):
			// behind -p it may be a password
		case !harmlessArgument(arg, before, slices.Contains(harmless, program)):
			shown[i] = masked
		}
		before = arg
	}
	return shown
}

// harmlessArgument judges an argument; before is the one before it, and known, that the program is one of the harmless ones.
func harmlessArgument(arg, before string, known bool) bool {
	option := strings.HasPrefix(arg, "-")
	switch {
	case strings.HasPrefix(before, "-") && !strings.Contains(before, "=") && !document.Showable(before), // --password SECRET
		!document.Showable(arg) && strings.ContainsAny(arg, "=:"),
		strings.Contains(arg, "://") && strings.Contains(arg, "@"):
		return false
	case known, slices.Contains([]string{"{account}", "{new}", "{host}", "{port}"}, arg), slices.Contains(placeholders, arg):
		return true
	case option: // what hangs on it, as in -pSECRET and --key=SECRET, may be one
		return !strings.Contains(arg, "=") && (len(arg) <= 2 || strings.HasPrefix(arg, "--"))
	}
	return strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "~/")
}
