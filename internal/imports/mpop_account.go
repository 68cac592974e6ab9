package imports

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// mpopAccount says one account of an mpoprc in popsync's words. keys are in the order of the file, last holds what counts.
func (f *file) mpopAccount(name string, keys []string, last map[string]mpopLine) (*Account, error) {
	a := &Account{Was: name}
	if last["host"].value == "" {
		return nil, &Error{last[firstOf(keys)].line, "the account has no host"}
	}
	if err := a.host(last["host"].line, last["host"].value); err != nil {
		return nil, err
	}
	on := func(key string, usual bool) (bool, error) {
		l, ok := last[key]
		switch {
		case !ok:
			return usual, nil
		case l.value == "" || l.value == "on":
			return true, nil
		case l.value == "off":
			return false, nil
		}
		return false, &Error{l.line, key + " is neither on nor off"}
	}
	if err := mpopTLS(a, last, on); err != nil {
		return nil, err
	}
	kept := false
	for _, k := range keys {
		l := last[k]
		switch k {
		case "host", "port", "tls", "tls_starttls":
			a.done(l.line, k)
		case "user":
			if l.value != "" {
				a.set("username", l.value)
				a.done(l.line, k)
			}
		case "password":
			a.secret(l.line, k, l.value)
		case "tls_cert_file":
			f.file(a, l.line, k, "tls_client_cert", l.value)
		case "tls_key_file":
			f.file(a, l.line, k, "tls_client_key", l.value)
		case "tls_host_override":
			a.set("tls_server_name", l.value)
			a.done(l.line, k)
		case "passwordeval":
			if last["password"].value != "" {
				a.say(l.line, k, Unsupported, "mpop does not run it where there is a password, and neither does popsync")
				continue
			}
			a.set("password_command", []string{"/bin/sh", "-c", l.value})
			a.say(l.line, k, Changed, "the line is run by /bin/sh, as before")
		case "auth":
			mpopAuth(a, l)
		case "tls_trust_file":
			f.caFile(a, l.line, k, l.value)
		case "tls_certcheck":
			if ok, err := on(k, true); err != nil {
				return nil, err
			} else if !ok {
				a.say(l.line, k, Decide, "certificates are always checked; see what popsync check says of this server")
			} else {
				a.done(l.line, k)
			}
		case "timeout", "connect_timeout":
			a.say(l.line, k, Changed, ownTimeout)
		case "pipelining":
			if l.value == "off" {
				a.set("pipelining", false)
			}
			a.done(l.line, k)
		case "debug":
			a.done(l.line, k)
		case "socket":
			a.say(l.line, k, Decide, "popsync does not connect to a unix socket: name a program that does, as connect_command")
		case "filter":
			a.say(l.line, k, Decide, "popsync has no filters: what this one dropped would be delivered; a destination of type command can refuse or sort")
		case "uidls_file":
			a.say(l.line, k, Unsupported, fetchedBefore)
		case "source_ip":
			a.set("source_address", l.value)
			a.done(l.line, k)
		case "proxy_host":
			mpopProxy(a, l, last["proxy_port"])
		case "proxy_port":
			a.done(l.line, k)
		case "delivery":
			if err := f.mpopDelivery(a, l); err != nil {
				return nil, err
			}
		case "keep":
			kept = true
			restore, err := mpopKeep(l)
			if err != nil {
				return nil, err
			}
			a.never(l.line, k, restore)
		case "skipsize":
			size, err := mpopSize(l)
			if err != nil {
				return nil, err
			}
			if size != "" {
				a.set("max_size", size)
			}
			a.done(l.line, k)
		case "only_new":
			if ok, err := on(k, true); err != nil {
				return nil, err
			} else if !ok {
				a.say(l.line, k, Decide, "popsync never fetches a message twice; fetch with another program if you need all of them each time")
			} else {
				a.done(l.line, k)
			}
		case "received_header":
			a.say(l.line, k, Changed, "see trace in config.example.toml; a Maildir gets no Received line unless you ask for it")
		case "eval":
			a.say(l.line, k, Decide, "its output would be more configuration; popsync runs nothing, so write what it prints")
		default:
			a.say(l.line, k, Unsupported, mpopWhy[k])
		}
	}
	if last["delivery"].value == "" {
		a.say(0, "delivery", Decide, "the file does not say where the mail goes: choose a destination")
	}
	if last["password"].value == "" && last["passwordeval"].value == "" {
		a.say(0, "password", Changed, "mpop"+passwordElse)
	}
	if a.Settings.Get("username") == nil {
		a.say(last["user"].line, "user", Decide, "write the user name: username")
	}
	if !kept {
		a.set("delete", "never")
		a.Restore = append(a.Restore, ageOf(0))
		a.say(0, "keep", Changed, "mpop deletes by default; all mail stays on the server until you remove the # in front of "+ageOf(0))
	}
	return a, nil
}

// mpopWhy says of keys that popsync does not have what to do about them.
var mpopWhy = map[string]string{
	"killsize":        "popsync deletes nothing that it did not deliver; delete_larger deletes large mail as soon as it is delivered",
	"tls_fingerprint": "see what popsync check says of this server",
	"tls_crl_file":    "popsync looks at no lists of revoked certificates",
}

// mpopSize reads a size: off, or octets, or KiB with a k, or MiB with an m behind.
func mpopSize(l mpopLine) (string, error) {
	if l.value == "off" {
		return "", nil
	}
	number, unit := l.value, ""
	switch {
	case strings.HasSuffix(number, "k"):
		number, unit = number[:len(number)-1], "KiB"
	case strings.HasSuffix(number, "m"):
		number, unit = number[:len(number)-1], "MiB"
	}
	n, err := whole(l.line, l.key, number)
	if err != nil || n == 0 {
		return "", err
	}
	return strconv.Itoa(n) + unit, nil
}

func firstOf(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

// mpopTLS knows mpop's defaults: no TLS, and where there is, STARTTLS; port 110, or 995 for TLS from the first byte.
func mpopTLS(a *Account, last map[string]mpopLine, on func(string, bool) (bool, error)) error {
	tls, err := on("tls", false)
	if err != nil {
		return err
	}
	start, err := on("tls_starttls", true)
	if err != nil {
		return err
	}
	kind := "implicit"
	if !tls || start {
		kind = "starttls"
	}
	if err := a.protect(last["port"].line, kind, last["port"].value); err != nil {
		return err
	}
	if !tls {
		a.plaintext(last["tls"].line, "tls")
	}
	return nil
}

// mpopProxy: its proxies speak SOCKS.
func mpopProxy(a *Account, host, port mpopLine) {
	if host.value == "" {
		a.done(host.line, host.key)
		return
	}
	if port.value == "" {
		port.value = "1080"
	}
	a.set("proxy", "socks5://"+net.JoinHostPort(host.value, port.value))
	a.done(host.line, host.key)
}

func mpopAuth(a *Account, l mpopLine) { a.auth(l.line, l.key, l.value) }

// mpopKeep returns the line that deletes as keep says: on, off, or an age such as "1d 11h 60m".
func mpopKeep(l mpopLine) (string, error) {
	switch l.value {
	case "", "on":
		return "", nil
	case "off":
		return ageOf(0), nil
	}
	var sum time.Duration
	s := strings.ReplaceAll(strings.ReplaceAll(l.value, " ", ""), "\t", "")
	for s != "" {
		i := strings.IndexAny(s, "dhm")
		if i <= 0 {
			return "", &Error{l.line, "keep is neither on, off nor an age: " + quoted(l.value)}
		}
		n, err := strconv.ParseUint(s[:i], 10, 16)
		if err != nil {
			return "", &Error{l.line, "keep is neither on, off nor an age: " + quoted(l.value)}
		}
		sum += time.Duration(n) * map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}[s[i]]
		s = s[i+1:]
	}
	if sum == 0 {
		return ageOf(0), nil
	}
	return `delete = "` + age(sum) + `"`, nil
}

// age writes whole days as days, else hours and minutes.
func age(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	if d%time.Hour == 0 {
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/time.Minute)) + "m"
}

func (f *file) mpopDelivery(a *Account, l mpopLine) error {
	method, arg, _ := strings.Cut(l.value, " ")
	arg = strings.Trim(arg, " \t")
	if len(arg) >= 2 && arg[0] == '"' && arg[len(arg)-1] == '"' {
		arg = arg[1 : len(arg)-1]
	}
	switch method {
	case "maildir":
		f.maildir(a, l.line, l.key, arg)
	case "mda":
		f.command(a, l.line, l.key, arg, map[string]string{"%F": "{sender}"})
	default:
		a.say(l.line, l.key, Decide, "popsync has no destination of type "+quoted(method)+": choose a Maildir or another one")
	}
	return nil
}
