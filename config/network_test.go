package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const (
	work   = "[account.work]\nhost = \"pop.example.org\"\nusername = \"me\"\n"
	toMail = "[[account.work.deliver]]\ntype = \"maildir\"\npath = \"/mail\"\n"
)

func networkOf(t *testing.T, lines string) Network {
	t.Helper()
	return mustParse(t, work+lines+"\n"+toMail).Accounts[0].Network
}

func TestNetwork(t *testing.T) {
	for lines, want := range map[string]Network{
		"":                                            {},
		`proxy = "socks5://127.0.0.1:9050"`:           {Proxy: "socks5://127.0.0.1:9050"},
		`proxy = "socks5h://tor.example.org"`:         {Proxy: "socks5h://tor.example.org"},
		`proxy = "https://[2001:db8::1]:8443/"`:       {Proxy: "https://[2001:db8::1]:8443/"},
		`proxy = "env"`:                               {Proxy: "env"},
		`proxy = "none"`:                              {Proxy: "none"},
		"source_address = \"192.0.2.7\"":              {SourceAddress: "192.0.2.7"},
		`address_family = "ipv6"`:                     {AddressFamily: FamilyIPv6},
		`address_family = "any"`:                      {},
		`connect_command = ["ssh", "h", "nc {host}"]`: {ConnectCommand: []string{"ssh", "h", "nc {host}"}},
		`connect_command = []`:                        {},
		"proxy = \"http://me@p:3128\"\nproxy_password_file = \"/p\"": {Proxy: "http://me@p:3128", ProxyPassword: SecretSource{Kind: SecretFile, File: "/p"}},
		"proxy = \"none\"\nconnect_command = [\"ssh\"]":              {Proxy: "none", ConnectCommand: []string{"ssh"}},
	} {
		if got := networkOf(t, lines); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", lines, got)
		}
	}
}

const proxySecret = "proxy-s3cret-word"

func TestNetworkRefused(t *testing.T) {
	for lines, want := range map[string]string{
		`proxy = "127.0.0.1:9050"`:                        "proxy: says neither which kind",
		`proxy = "socks4://p"`:                            "write socks5://",
		`proxy = "ftp://p"`:                               "no kind of proxy",
		`proxy = "socks5://me:` + proxySecret + `@p"`:     "proxy_password_file",
		`proxy = "http://me:` + proxySecret + `%zz@p:80"`: "no address of a proxy",
		`proxy = "socks5://` + proxySecret + `:me@@p/x"`:  "has a password in it",
		`proxy = "socks5://"`:                             "has no host",
		`proxy = "socks5://p:0"`:                          "has no port",
		`proxy = "socks5://p/x"`:                          "behind host and port",
		`proxy = "socks5://@p"`:                           "a user that cannot be sent",
		`proxy = "http://a%3Ab@p"`:                        "a user that cannot be sent",
		`proxy = "socks5://a%0Ab@p"`:                      "a user that cannot be sent",
		`proxy = 1`:                                       "must be a text",
		`proxy_password_file = "/p"`:                      "is of no use without a user in proxy",
		"proxy = \"env\"\nproxy_password_file = \"/p\"":   "is of no use without a user in proxy",
		"proxy = \"socks5://p\"\nproxy_password_file = \"" + proxySecret + `"`: "not an absolute path",
		`source_address = "eth0"`: "is not an address",
		`source_address = "::"`:   "is not the address of a machine",
		`address_family = "4"`:    "is not one of any, ipv4, ipv6",
		"source_address = \"192.0.2.7\"\naddress_family = \"ipv6\"":   "is no address of the kind",
		"proxy = \"socks5://127.0.0.1\"\naddress_family = \"ipv6\"":   "\"127.0.0.1\" is none",
		"proxy = \"socks5://[::1]\"\nsource_address = \"192.0.2.7\"":  "\"::1\" is none",
		`connect_command = "ssh host"`:                                "must be a list of texts",
		"connect_command = [\"ssh\"]\nproxy = \"socks5://p\"":         "does not go together with connect_command",
		"connect_command = [\"ssh\"]\nsource_address = \"192.0.2.7\"": "does not go together with connect_command",
		"oauth_direct = true":                                         "is of no use without oauth and connect_command",
		"oauth = \"x\"\nconnect_command = [\"ssh\"]":                  "requests for tokens would leave this machine another way",
	} {
		_, err := Parse("config.toml", []byte(work+lines+"\n"+toMail), nil, Options{})
		switch {
		case err == nil:
			t.Errorf("%s: accepted", lines)
		case !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v", lines, err)
		case strings.Contains(err.Error(), proxySecret):
			t.Errorf("%s: the error shows a secret: %v", lines, err)
		}
	}
	for _, lines := range []string{
		"oauth = \"x\"\nconnect_command = [\"ssh\"]\nproxy = \"socks5://p\"",
		"oauth = \"x\"\nconnect_command = [\"ssh\"]\noauth_direct = true",
	} {
		if _, err := Parse("config.toml", []byte(work+lines+"\n"+toMail), nil, Options{}); err != nil && strings.Contains(err.Error(), "connect_command") {
			t.Errorf("%s: %v", lines, err)
		}
	}
}

// The name of this machine means another one behind a proxy and at the end of a command.
func TestNetworkPlaintext(t *testing.T) {
	local := strings.Replace(work, "pop.example.org", "localhost", 1) + "tls = \"none\"\n"
	if local == work+"tls = \"none\"\n" {
		t.Fatal("the account has another host")
	}
	for lines, fine := range map[string]bool{
		"":                              true,
		"proxy = \"env\"\n":             true,
		"proxy = \"none\"\n":            true,
		"proxy = \"socks5://p\"\n":      false,
		"connect_command = [\"ssh\"]\n": false,
		"connect_command = [\"ssh\"]\ninsecure_plaintext = true\n": true,
	} {
		_, err := Parse("config.toml", []byte("state_dir = \"/s\"\n"+local+lines+toMail), nil, Options{})
		if (err == nil) != fine {
			t.Errorf("%q: %v", lines, err)
		}
	}
}

// A destination goes as its account does, where it leaves the machine at all.
func TestNetworkOfDestinations(t *testing.T) {
	const mail = "[[account.work.deliver]]\ntype = \"smtp\"\naddress = %\nto = [\"a@example.org\"]\n"
	of := func(lines, address, own string) Network {
		doc := work + lines + "\n" + strings.Replace(mail, "%", address, 1) + own
		return *mustParse(t, doc).Accounts[0].Deliver[0].SMTP.network()
	}
	both := "proxy = \"http://me@p\"\nproxy_password_file = \"/p\"\nsource_address = \"192.0.2.7\""
	want := networkOf(t, both)
	for _, tt := range []struct {
		lines, address, own string
		want                Network
	}{
		{both, `"mail.example.org"`, "", want},
		{both, `"mail.example.org"`, `proxy = "none"`, Network{Proxy: "none", SourceAddress: "192.0.2.7"}},
		{both, `"mail.example.org"`, `proxy = "socks5://q"`, Network{Proxy: "socks5://q", SourceAddress: "192.0.2.7"}},
		{both, `"mail.example.org"`, `connect_command = ["ssh"]`, Network{ConnectCommand: []string{"ssh"}}},
		{both, `"localhost:25"`, "", Network{}},
		{both, `"[::1]:25"`, "", Network{}},
		{both, `"127.0.0.2:25"`, `proxy = "socks5://q"`, Network{Proxy: "socks5://q"}},
		{`connect_command = ["ssh"]`, `"mail.example.org"`, "", Network{}},
	} {
		if got := of(tt.lines, tt.address, tt.own); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s, %s, %s: %+v", tt.lines, tt.address, tt.own, got)
		}
	}
	unix := strings.Replace(strings.Replace(mail, "smtp", "lmtp", 1), "%", `"unix:/run/lmtp"`, 1)
	if got := mustParse(t, work+both+"\n"+unix).Accounts[0].Deliver[0].SMTP.Network; !reflect.DeepEqual(got, Network{}) {
		t.Errorf("a unix socket: %+v", got)
	}
	_, err := Parse("config.toml", []byte(work+unix+"proxy = \"none\"\n"), nil, Options{})
	if err == nil || !strings.Contains(err.Error(), "is not for a unix socket") {
		t.Errorf("a unix socket: %v", err)
	}
}

func (s *SMTP) network() *Network { return &s.Network }

// What an account says of the way replaces all that the defaults say of it.
func TestNetworkDefaults(t *testing.T) {
	for own, want := range map[string]Network{
		"":                            {Proxy: "socks5://me@p", ProxyPassword: SecretSource{Kind: SecretFile, File: "/work.p"}},
		"proxy = \"none\"":            {Proxy: "none"},
		"connect_command = [\"ssh\"]": {ConnectCommand: []string{"ssh"}},
	} {
		doc := "[defaults]\nproxy = \"socks5://me@p\"\nproxy_password_file = \"/{account}.p\"\n" + work + own + "\n" + toMail
		if got := mustParse(t, doc).Accounts[0].Network; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v", own, got)
		}
	}
}

func TestNetworkOddities(t *testing.T) {
	cfg := mustParse(t, work+"proxy = \"none\"\nconnect_command = [\"ssh\", \"{host}\", \"%h\"]\n"+toMail)
	if all := cfg.Oddities(); len(all) != 1 || !slices.ContainsFunc(all, func(o Oddity) bool { return o.Key == "account.work.connect_command[2]" }) {
		t.Errorf("%+v", all)
	}
}
