package config

import (
	"reflect"
	"strings"
	"testing"
)

const (
	pinA = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	pinB = "sha256//BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
)

// sending is a document with these keys in a destination.
func sending(keys string) string {
	return account("host = \"h.example\"\nusername = \"u\"\n[[account.a.deliver]]\n" + smtpKeys + keys)
}

// putting is a document with these keys in a mailbox elsewhere.
func putting(keys string) string {
	return account("host = \"h.example\"\nusername = \"u\"\n[[account.a.deliver]]\ntype = \"imap\"\naddress = \"imap.example.org\"\nusername = \"me\"\npassword = \"x\"\n" + keys)
}

// The same keys say the same of an account, of a mail server and of a mailbox.
func TestTrustKeys(t *testing.T) {
	const all = `ca_file = "~/ca.pem"
tls_pin = ["` + pinB + `", "` + pinA + `", "` + pinB + `"]
tls_client_cert = "~/c.pem"
tls_client_key = "/k.pem"
tls_server_name = "mail.example.org"
tls_min_version = "1.2"
tls_legacy = true
`
	want := Trust{CAFile: "/home/me/ca.pem", Pins: []string{pinA, pinB}, ClientCert: "/home/me/c.pem", ClientKey: "/k.pem",
		ServerName: "mail.example.org", MinVersion: "1.2", Legacy: true}
	if got := mustParse(t, account(all)).Accounts[0].Trust; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := mustParse(t, sending(all)).Accounts[0].Deliver[0].SMTP.Trust; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := mustParse(t, putting(all)).Accounts[0].Deliver[0].IMAP.Trust; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for value, pins := range map[string][]string{
		`""`: nil, `[]`: nil, `"` + pinA + `"`: {pinA}, `"` + pinB + ";" + pinA + `"`: {pinA, pinB},
	} {
		if got := mustParse(t, account("tls_pin = "+value)).Accounts[0].Pins; !reflect.DeepEqual(got, pins) {
			t.Errorf("%s: %q", value, got)
		}
	}
}

func TestTrustFaults(t *testing.T) {
	for text, words := range map[string]string{
		`tls_pin = "sha256//abc="`:                                        `tls_pin: "sha256//abc=" is not the fingerprint of a key`,
		`tls_pin = ["` + pinA + `", "x"]`:                                 `tls_pin[1]: "x" is not the fingerprint of a key`,
		`tls_pin = ["` + pinA + `", 1]`:                                   `tls_pin[1]`,
		`tls_pin = 1`:                                                     `tls_pin: must be a text or a list of texts, not a number`,
		`tls_pin = "` + strings.Replace(pinA, "A=", "B=", 1) + `"`:        `is not the fingerprint of a key`, // a bit beyond the end
		`tls_pin = "` + strings.TrimPrefix(pinA, "sha256//") + `"`:        `is not the fingerprint of a key`,
		`tls_pin = "` + strings.Repeat("AB:", 31) + `AB"`:                 `is the fingerprint of a certificate, not of a key`,
		`tls_pin = "sha256 Fingerprint=` + strings.Repeat("ab", 20) + `"`: `is the fingerprint of a certificate, not of a key`,
		`tls_pin = [` + strings.Repeat(`"`+pinA+`",`, 21) + `]`:           `21 are too many, the most is 20`,
		`tls_client_key = "/k"`:                                           `tls_client_key: is of no use without tls_client_cert`,
		`tls_client_cert = "c.pem"`:                                       `tls_client_cert: "c.pem" is a relative path`,
		`tls_server_name = "a b"`:                                         `tls_server_name`,
		`tls_min_version = "1.1"`:                                         `TLS 1.1 is not safe ("1.2" or "1.3"; for a server that has nothing better, tls_legacy = true)`,
		`tls_min_version = "TLSv1.2"`:                                     `"TLSv1.2" is not a version that can be asked for ("1.2" or "1.3")`,
		`tls_min_version = 1.2`:                                           `write it in quotes`,
		"tls_min_version = \"1.3\"\ntls_legacy = true":                    `tls_legacy: does not go with tls_min_version = "1.3"`,
		`tls_legacy = "yes"`:                                              `tls_legacy`,
	} {
		for _, doc := range []string{account(text), sending(text), putting(text)} {
			if _, err := Parse("f", []byte(doc), nil, Options{}); err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s\n%v\nlacks %s", text, err, words)
			}
		}
	}
}

// What is of no use, and what is a risk, check names; of a place that has nothing of it nothing.
func TestTrustOddities(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"tls_legacy = true", "tls_legacy: old TLS is allowed"},
		{"tls_pin = \"" + pinA + "\"\nca_file = \"/c\"", "ca_file: of no use beside tls_pin"},
		{"tls = \"none\"\ninsecure_plaintext = true\ntls_pin = \"" + pinA + `"`, `tls_pin: of no use with tls = "none"`},
		{"tls = \"none\"\ninsecure_plaintext = true\ntls_legacy = true", `tls_legacy: of no use with tls = "none"`},
		{`tls_client_cert = "/${HOME}/c"`, "tls_client_cert: "},
	} {
		for _, doc := range []string{account(tt.text), sending(tt.text), putting(tt.text)} {
			got := ""
			for _, o := range mustParse(t, doc).Oddities() {
				got += string(o.Key) + ": " + o.Text + "\n"
			}
			if strings.Count(got, tt.want) != 1 {
				t.Errorf("%s: %q", tt.text, got)
			}
		}
	}
	for _, o := range mustParse(t, account("tls_pin = \""+pinA+`"`)).Oddities() {
		if strings.Contains(string(o.Key), "tls") {
			t.Errorf("%+v", o)
		}
	}
}
