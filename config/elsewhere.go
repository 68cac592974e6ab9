package config

import "strings"

// elsewhere is what people who come from other programs type, and what it is here, by the table that it was typed into. A
// word of two tables may mean something else in each.
var elsewhere = map[string]map[string]string{
	"account": hints(map[string]string{
		"server hostname pop pop3 pop_server pop3_server incoming via":                                 `write host = "pop.example.org"`,
		"user login login_name email mail address":                                                     `write username = "me@example.org"`,
		"pass passwd passphrase secret pw":                                                             `write password_command, password_file or password`,
		"passwordeval passwordcommand pass_cmd":                                                        `write password_command = ["pass", "show", "mail/work"]`,
		"ssl use_ssl usessl tls_starttls starttls stls sslproto encryption security ssl_mode":          `TLS is on by default; write tls = "implicit" (port 995) or tls = "starttls" (port 110)`,
		"ssl_verify sslcertck verify tls_trust_file cafile ca_cert sslcertfile tls_certcheck":          `certificates are always checked; to trust one more CA write ca_file = "/path/ca.pem"`,
		"sslfingerprint fingerprint tls_fingerprint ssl_fingerprint ssl_fingerprints pinnedpubkey pin": `write tls_pin = "sha256//...", the server's key, which popsync check shows when it cannot verify the certificate`,
		"sslcert certfile client_cert tls_cert_file certificate":                                       `write tls_client_cert = "/path/client.pem"`,
		"sslkey keyfile client_key tls_key_file":                                                       `write tls_client_key = "/path/client.key"`,
		"sslcommonname sni server_name tls_host_override":                                              `write tls_server_name = "mail.example.org"`,
		"ssl_version tls_version min_tls minimum_tls tls_min":                                          `write tls_min_version = "1.3"; TLS 1.2 or later is the default`,
		"keep nokeep leave_on_server leave":                                                            `write delete = "never", which keeps mail and is the default, or delete = "after-delivery"`,
		"delete_after retention expire delete_age expunge days":                                        `write delete = "30d": it is deleted 30 days after popsync first saw it`,
		"flush fetchall fetch_all uidl onlynew read_all":                                               `leave it out: popsync fetches what it has not delivered yet, read or not`,
		"fetchlimit batchlimit max_messages max_messages_per_session":                                  `write limit = 100: so many new messages in one pass`,
		"max_bytes_per_session session_size_limit limitsize":                                           `write limit_size = "500MB": so many octets in one pass`,
		"delete_bigger_than delete_bigger deletelarger":                                                `write delete_larger = "10MB": delivered mail larger than that does not wait for the age that delete says`,
		"keep_last keep_newest delete_keep_last":                                                       `write delete_keep = 100: the newest 100 stay, whatever delete says of the others`,
		"only_new new_only first_run initial_fetch since fetch_since skip_old":                         `write first_fetch = "new", "last 100" or "30d": what is fetched of what is there before the first run`,
		"sizelimit max_message_size size_limit maxsize":                                                `write max_size = "25MB"`,
		"interval poll period frequency refresh check_interval every poll_interval cron":               `write schedule = "@every 10m", or cron's five fields`,
		"enabled enable active disabled disable skip":                                                  `there is no such key: say "popsync pause NAME", or take the account out`,
		"oauth2 xoauth2 token access_token refresh_token auth_mechanism client_id":                     `write oauth = "microsoft" in place of a password, and [oauth.microsoft] with provider and client_id: see docs/oauth.md`,
		"mda command program pipe exec":                                                                `mail goes to a program by [[account.NAME.deliver]] with type = "command" and command = ["/usr/bin/maildrop"]`,
		"smtp smtphost smtp_host smtp_server forward":                                                  `mail goes on by [[account.NAME.deliver]] with type = "smtp", address = "mail.example.org:587" and to`,
		"folder maildir mailbox dir directory path destination inbox mbox":                             `mail goes to a Maildir by [[account.NAME.deliver]] with type = "maildir" and path, into a file with type = "mbox" and path, into a mailbox with type = "imap", into Gmail also with type = "gmail"`,
		"protocol proto type": `leave it out: popsync speaks POP3 only`,
		"socks socks_proxy socks5 http_proxy https_proxy all_proxy proxy_host proxy_url tor": `write proxy = "socks5://127.0.0.1:9050", or "http://..."`,
		"plugin preconnect tunnel proxy_command proxycommand tunnelcommand":                  `write connect_command = ["ssh", "mail.example.org", "nc", "localhost", "110"]`,
		"bind bind_address source_ip local_address interface":                                `write source_address = "192.0.2.7", an address of this machine`,
		"ipv4 ipv6 inet inet6 ip_version protocol_family":                                    `write address_family = "ipv4", or "ipv6"`,
		"timeout": `write [limits] with idle = "60s", or reply`,
	}),
	"deliver": foreignToAll(hints(map[string]string{
		"dir directory maildir mailbox inbox destination": `write type = "maildir" and path = "~/Mail/work", or type = "imap" and folder = "INBOX"`,
		"mbox":                      `write type = "mbox" and path = "~/mail/work.mbox"`,
		"mda program cmd pipe exec": `write type = "command" and command = ["/usr/bin/maildrop"]`,
		"host server hostname port smtphost smtp_host smtp_server":    `write address = "mail.example.org:587"`,
		"recipient recipients rcpt rcpt_to mailto":                    `write to = ["me@example.org"]`,
		"sender mail_from envelope_from return_path":                  `write from = "me@example.org", or "original"`,
		"user login login_name":                                       `write username = "me@example.org"`,
		"pass passwd passphrase secret pw":                            `write password_command, password_file or password`,
		"ssl use_ssl starttls encryption security":                    `write tls = "starttls", which is the default of smtp, or tls = "implicit"`,
		"sslfingerprint fingerprint tls_fingerprint pinnedpubkey pin": `write tls_pin = "sha256//...", the server's key, which popsync check shows when it cannot verify the certificate`,
		"sslcert certfile client_cert tls_cert_file certificate":      `write tls_client_cert = "/path/client.pem"`,
		"sslkey keyfile client_key tls_key_file":                      `write tls_client_key = "/path/client.key"`,
		"protocol proto kind":                                         "write type = " + choice(DeliverTypes()),
		"enabled enable active disabled":                              `there is no such key: take the destination out, or put # before its lines`,
		"optional best_effort":                                        `write required = false`,
		"quarantine":                                                  `write fallback = true`,
	})),
	"": hints(map[string]string{
		"interval poll period frequency refresh check_interval every daemon poll_interval cron": `write schedule = "@every 10m", or cron's five fields`,
		"statedir state data_dir datadir db database idfile uid_file uidl_file":                 `write state_dir = "/path"`,
		"logfile log_file syslog loglevel log_level verbose debug":                              `write [log] with level = "info" and file = "/path"`,
		"threads workers concurrency max_parallel":                                              `write parallel = 64`,
		"tz time_zone":                        `write timezone = "Europe/Berlin"`,
		"notify notification mailto on_error": `write [alarm] with command = ["/usr/local/bin/tell-me"]`,
		"poll_account mailbox server servers": `an account is written [account.NAME]`,
	}),
}

// hints has an entry for each word of its keys.
func hints(of map[string]string) map[string]string {
	all := map[string]string{}
	for words, hint := range of {
		for _, w := range strings.Fields(words) {
			all[w] = hint
		}
	}
	return all
}

// foreignToAll leaves out what is a key of some type of destination: whoever writes it for another type is told which type it is
// for.
func foreignToAll(hints map[string]string) map[string]string {
	known, _ := new(checker).deliverKeys("", &Deliver{})
	for k := range known {
		delete(hints, k)
	}
	return hints
}

// comesFrom words what a key of another program is here, in a table that has these keys, or gives "". What stands below a
// destination and is meant for its account is answered as well.
func (c *checker) comesFrom(word string, known keys) string {
	word = strings.ReplaceAll(strings.ToLower(word), "-", "_")
	switch {
	case known["deliver"] != nil:
		hint, document := elsewhere["account"][word], c.documentKeys(&Config{}, new(string))
		if hint != "" || document[word] == nil || word == "account" || word == "limits" { // which is limit, perhaps
			return hint
		}
		return "it is for all accounts: write it at the top of " + c.file + ", above all accounts"
	case known["account"] != nil:
		return elsewhere[""][word]
	case known["fallback"] == nil:
		return ""
	}
	if hint := elsewhere["deliver"][word]; hint != "" {
		return hint
	}
	if c.accountKeys("", &Account{}, &source{})[word] != nil {
		return "it belongs to the account: write it above [[account.NAME.deliver]]"
	}
	return elsewhere["account"][word]
}
