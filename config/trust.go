package config

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/popsync/popsync/config/document"
)

// Trust says which server is the right one where TLS is used, and how weak TLS may be. It is the same for accounts and for
// mail servers.
type Trust struct {
	CAFile     string   // absolute path of PEM certificates trusted in addition; "": none
	Pins       []string // keys of which the server must have one, each sha256//BASE64; nil: its certificate is verified
	ClientCert string   // absolute path of our own certificate in PEM; "": none
	ClientKey  string   // absolute path of its private key; "": it is in ClientCert, too
	ServerName string   // the name that the certificate must have; "": the host
	MinVersion string   // "1.2" or "1.3"; "": the least that is allowed otherwise
	Legacy     bool     // the person accepts TLS 1.0 and 1.1, RSA key exchange, CBC and 3DES
}

// maxPins is how many keys a server may have: one, the next one, and those of a few machines that share a name.
const maxPins = 20

// keys are those of a table that has a Trust.
func (t *Trust) keys(env Env) keys {
	return keys{
		"ca_file":         env.path(&t.CAFile),
		"tls_pin":         pins(&t.Pins),
		"tls_client_cert": env.path(&t.ClientCert),
		"tls_client_key":  env.path(&t.ClientKey),
		"tls_server_name": serverName(&t.ServerName),
		"tls_min_version": minVersion(&t.MinVersion),
		"tls_legacy":      boolean(&t.Legacy),
	}
}

// finish checks what depends on several keys.
func (t *Trust) finish(r *report, at document.Path, m map[string]any) {
	if cert := m["tls_client_cert"]; t.ClientKey != "" && (cert == nil || cert == "") {
		r.add(at.Key("tls_client_key"), "is of no use without tls_client_cert", "name the certificate that belongs to the key in tls_client_cert")
	}
	if t.Legacy && t.MinVersion == "1.3" {
		r.add(at.Key("tls_legacy"), `does not go with tls_min_version = "1.3"`, "keep one of the two")
	}
}

// odd looks for what is hardly meant; tls is how the connection is protected.
func (t *Trust) odd(add func(Oddity), of func(key string) Oddity, tls TLS) {
	oddPath(add, of("ca_file"), t.CAFile)
	oddPath(add, of("tls_client_cert"), t.ClientCert)
	oddPath(add, of("tls_client_key"), t.ClientKey)
	say := func(key, text, next string) {
		o := of(key)
		o.Text, o.Next = text, next
		add(o)
	}
	if tls == TLSNone {
		for _, k := range []struct {
			key string
			set bool
		}{
			{"ca_file", t.CAFile != ""}, {"tls_pin", t.Pins != nil}, {"tls_client_cert", t.ClientCert != ""},
			{"tls_server_name", t.ServerName != ""}, {"tls_min_version", t.MinVersion != ""}, {"tls_legacy", t.Legacy},
		} {
			if k.set {
				say(k.key, `of no use with tls = "none": nothing is encrypted, and nobody looks who answers`, `remove it, or set tls = "implicit" or "starttls"`)
			}
		}
		return
	}
	if t.Pins != nil && t.CAFile != "" {
		say("ca_file", "of no use beside tls_pin: the server's key alone decides", "remove one of the two")
	}
	if t.Legacy {
		say("tls_legacy", "old TLS is allowed: somebody between this machine and the server may make use of that and read password and mail",
			"remove it as soon as the server has TLS 1.2 with ECDHE key exchange")
	}
}

// oddExternal looks for a login by a client certificate where there is none. What connect_command brings cannot be seen.
func (t *Trust) oddExternal(add func(Oddity), of func(key string) Oddity, auth Auth, n Network) {
	if auth != AuthExternal || t.ClientCert != "" || len(n.ConnectCommand) > 0 {
		return
	}
	o := of("auth")
	o.Text, o.Next = "external, and no tls_client_cert: nothing tells the server who logs in", "set tls_client_cert and tls_client_key to the files that the server's owner gives you"
	add(o)
}

const pinHint = `such as "sha256//` + "BASE64" + `", the SHA-256 of the server's public key; popsync check shows it when it cannot verify a certificate`

// pins accepts one key, a list of them, or as curl has it one text with semicolons. Empty: none.
func pins(dst *[]string) convert {
	return func(v any) *fault {
		var list []string
		switch v := v.(type) {
		case string:
			if v != "" {
				list = strings.Split(v, ";")
			}
		case []any:
			if len(v) > 0 {
				var f *fault
				if list, f = texts(v, pinHint); f != nil {
					return f
				}
			}
		default:
			return want("a text or a list of texts", v, pinHint)
		}
		if len(list) > maxPins {
			return &fault{text: fmt.Sprintf("%d are too many, the most is %d", len(list), maxPins)}
		}
		for i, s := range list {
			if f := checkPin(s); f != nil {
				if _, several := v.([]any); several {
					f.at = document.Path("").Index(i)
				}
				return f
			}
		}
		slices.Sort(list)
		*dst = slices.Compact(list)
		return nil
	}
}

// checkPin accepts a key as curl writes it. There is one spelling, so that two are the same if their texts are.
func checkPin(s string) *fault {
	sum, ok := strings.CutPrefix(s, "sha256//")
	if octets, err := base64.StdEncoding.Strict().DecodeString(sum); ok && err == nil && len(octets) == 32 {
		return nil
	}
	if hex := strings.ReplaceAll(s[strings.LastIndexAny(s, "= ")+1:], ":", ""); len(hex) >= 32 && strings.Trim(strings.ToLower(hex), "0123456789abcdef") == "" {
		return &fault{text: "is the fingerprint of a certificate, not of a key", hint: pinHint}
	}
	return &fault{text: document.Shown(s) + " is not the fingerprint of a key", hint: pinHint}
}

// serverName accepts the name of a server, or none.
func serverName(dst *string) convert {
	return text(dst, func(s string) *fault {
		if s == "" {
			return nil
		}
		return checkHost(s)
	})
}

// minVersion accepts a version of TLS, or none.
func minVersion(dst *string) convert {
	return func(v any) *fault {
		const hint = `"1.2" or "1.3"`
		s, ok := v.(string)
		switch {
		case !ok:
			return want("a text", v, "write it in quotes: "+hint)
		case s == "1.0" || s == "1.1":
			return &fault{text: "TLS " + s + " is not safe", hint: hint + "; for a server that has nothing better, tls_legacy = true"}
		case s != "" && s != "1.2" && s != "1.3":
			return &fault{text: document.Shown(s) + " is not a version that can be asked for", hint: hint}
		}
		*dst = s
		return nil
	}
}
