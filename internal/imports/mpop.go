package imports

import (
	"slices"
	"strings"
)

// mpopLine is one command of an mpoprc.
type mpopLine struct {
	line       int
	key, value string
}

// mpop reads an mpoprc: a command and its argument on each line, in blocks that begin with "defaults" or "account".
func mpop(f *file) (*Found, error) {
	found := &Found{}
	var defaults []mpopLine
	explicit := map[string][]mpopLine{}
	var order []string
	var block string // "" before the first, "defaults", or the name of an account with a : in front
	for i, l := range strings.Split(f.text, "\n") {
		n := i + 1
		l = strings.Trim(l, " \t\r")
		if l == "" || l[0] == '#' {
			continue
		}
		cmd, arg, _ := strings.Cut(l, " ")
		if k, a, ok := strings.Cut(l, "\t"); ok && len(k) < len(cmd) {
			cmd, arg = k, a
		}
		arg = strings.Trim(arg, " \t")
		if len(arg) >= 2 && arg[0] == '"' && arg[len(arg)-1] == '"' {
			arg = arg[1 : len(arg)-1]
		}
		switch {
		case cmd == "defaults":
			block, defaults = "defaults", nil
		case cmd == "account":
			name, parents, _ := strings.Cut(arg, ":")
			name = strings.TrimSpace(name)
			if _, twice := explicit[name]; twice || name == "" {
				return nil, &Error{n, "account without a name of its own"}
			}
			lines := slices.Clone(defaults)
			for p := range strings.SplitSeq(parents, ",") {
				if p = strings.TrimSpace(p); p == "" {
					continue
				}
				inherited, ok := explicit[p]
				if !ok {
					return nil, &Error{n, "the account inherits from one that does not stand above it"}
				}
				lines = append(lines, inherited...)
			}
			alias := strings.TrimSpace(parents) != "" || name == "default"
			if !alias && strings.Trim(name, nameOctets) != "" { // of another tool, perhaps with a password in it
				return nil, &Error{n, "not the name of an account of mpop"}
			}
			block = ":" + name
			explicit[name] = lines
			order = append(order, name)
		case block == "":
			return nil, &Error{n, "a command before the first account"}
		case !mpopCommands[cmd]: // perhaps the rest of a password: it is not repeated
			return nil, &Error{n, "not a command of mpop"}
		case block == "defaults":
			defaults = append(defaults, mpopLine{n, cmd, arg})
		default:
			explicit[block[1:]] = append(explicit[block[1:]], mpopLine{n, cmd, arg})
		}
	}
	for _, name := range order {
		last := map[string]mpopLine{}
		var keys []string
		for _, l := range explicit[name] {
			if _, seen := last[l.key]; !seen {
				keys = append(keys, l.key)
			}
			last[l.key] = l
		}
		if last["host"].value == "" { // such as "account default : work", which only gives a name to another
			if aliasOf(explicit[name]) {
				continue
			}
		}
		a, err := f.mpopAccount(name, keys, last)
		if err != nil {
			found.leaveOut(last[firstOf(keys)].line, "account "+quoted(name), err)
			continue
		}
		if same := slices.ContainsFunc(found.Accounts, func(b Account) bool { return sameMailbox(&b, a) }); same && name == "default" {
			continue
		}
		found.Accounts = append(found.Accounts, *a)
	}
	return found, nil
}

// aliasOf reports whether an account says nothing.
func aliasOf(lines []mpopLine) bool { return len(lines) == 0 }

// sameMailbox reports whether two accounts are the same mailbox.
func sameMailbox(a, b *Account) bool {
	return a.Settings.Get("host") == b.Settings.Get("host") && a.Settings.Get("username") == b.Settings.Get("username") &&
		a.Settings.Get("port") == b.Settings.Get("port")
}

// nameOctets are those of names that people give to accounts.
const nameOctets = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+/"

// mpopCommands are all that mpop has.
var mpopCommands = map[string]bool{
	"host": true, "port": true, "timeout": true, "connect_timeout": true, "pipelining": true, "received_header": true, "auth": true, "user": true,
	"password": true, "passwordeval": true, "ntlmdomain": true, "tls": true, "tls_starttls": true, "tls_trust_file": true,
	"tls_crl_file": true, "tls_fingerprint": true, "tls_key_file": true, "tls_cert_file": true, "tls_certcheck": true,
	"tls_force_sslv3": true, "tls_min_dh_prime_bits": true, "tls_priorities": true, "tls_host_override": true, "source_ip": true,
	"proxy_host": true, "proxy_port": true, "socket": true, "delivery": true, "keep": true, "killsize": true, "skipsize": true,
	"filter": true, "only_new": true, "uidls_file": true, "eval": true, "debug": true,
}
