package postfix

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// furnish makes the folders and all of the configuration but master.cf.
func (s *Server) furnish() {
	s.t.Helper()
	// MkdirTemp's 0700 would shut out the unprivileged users that Postfix switches to.
	s.must(os.Chmod(s.dir, 0o755))
	for _, d := range []string{"conf", "queue", "data", "mail"} {
		s.must(os.Mkdir(filepath.Join(s.dir, d), 0o755))
	}
	account := lookup(s, "postfix")
	s.must(os.Chown(filepath.Join(s.dir, "data"), account.uid, account.gid))
	s.queue(account)
	nobody := lookup(s, "nobody")
	s.must(os.Chown(filepath.Join(s.dir, "mail"), nobody.uid, nobody.gid))

	var users strings.Builder
	for _, u := range s.o.Users {
		fmt.Fprintf(&users, "%s@%s %s/\n", u, Domain, u)
	}
	s.write("users", users.String())
	s.write("checks", s.o.Checks)
	s.write("main.cf", s.main(nobody))
	if s.o.TLS {
		s.certify()
	}
}

// queue makes the folders that "postfix check" would make, which needs more of the system than the tests.
func (s *Server) queue(account ids) {
	s.t.Helper()
	group, err := user.LookupGroup("postdrop")
	s.must(err)
	postdrop, err := strconv.Atoi(group.Gid)
	s.must(err)
	folder := func(name string, uid, gid int, mode os.FileMode) {
		path := filepath.Join(s.dir, "queue", name)
		s.must(os.Mkdir(path, 0o700))
		s.must(os.Chown(path, uid, gid))
		s.must(os.Chmod(path, mode))
	}
	for _, name := range []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"} {
		folder(name, account.uid, 0, 0o700)
	}
	folder("pid", 0, 0, 0o755)
	folder("public", account.uid, postdrop, os.ModeSetgid|0o710)
	folder("maildrop", account.uid, postdrop, os.ModeSticky|0o730)
}

// write makes a file among the configuration.
func (s *Server) write(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, "conf", name)
	s.must(os.WriteFile(file, []byte(text), 0o644))
	old := time.Now().Add(-time.Hour) // of a file written just now Postfix waits for the rest, for two seconds
	s.must(os.Chtimes(file, old, old))
}

// main is a whole main.cf for Postfix 3.6 or later.
func (s *Server) main(nobody ids) string {
	c := fmt.Sprintf(`
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.%[2]s
mynetworks = 127.0.0.0/8
biff = no
smtpd_peername_lookup = no
alias_maps =
alias_database =

# Mail for the users, and for nobody else.
mydestination =
local_recipient_maps =
relay_domains =
default_transport = error:this server sends nothing
virtual_mailbox_domains = %[2]s
virtual_mailbox_maps = texthash:%[1]s/conf/users
virtual_mailbox_base = %[1]s/mail
virtual_uid_maps = static:%[3]d
virtual_gid_maps = static:%[4]d
virtual_mailbox_limit = 0
message_size_limit = %[5]d
header_checks = regexp:%[1]s/conf/checks

# Header fields stay as they came.
message_drop_headers =
local_header_rewrite_clients =
disable_mime_input_processing = yes

# A server of a test answers at once, refusals and floods included.
in_flow_delay = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000000
smtpd_hard_error_limit = 1000000
`, s.dir, Domain, nobody.uid, nobody.gid, s.o.SizeLimit)
	if s.o.TLS {
		c += fmt.Sprintf(`
smtpd_tls_security_level = may
smtpd_tls_chain_files = %[1]s/conf/key.pem, %[1]s/conf/cert.pem
tls_random_source = dev:/dev/urandom
`, s.dir)
	}
	if s.o.SASL != "" {
		c += fmt.Sprintf(`
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = %s
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
`, s.o.SASL)
	}
	return c + s.o.Extra + "\n"
}

// master is a whole master.cf: one SMTP server on port, what it needs to deliver, and no chroot.
func master(port int) string {
	return fmt.Sprintf("127.0.0.1:%d", port) + ` inet n - n - - smtpd
pickup     unix  n  -  n  60     1  pickup
cleanup    unix  n  -  n  -      0  cleanup
qmgr       unix  n  -  n  300    1  qmgr
tlsmgr     unix  -  -  n  1000?  1  tlsmgr
rewrite    unix  -  -  n  -      -  trivial-rewrite
bounce     unix  -  -  n  -      0  bounce
defer      unix  -  -  n  -      0  bounce
trace      unix  -  -  n  -      0  bounce
verify     unix  -  -  n  -      1  verify
flush      unix  n  -  n  1000?  0  flush
proxymap   unix  -  -  n  -      -  proxymap
proxywrite unix  -  -  n  -      1  proxymap
showq      unix  n  -  n  -      -  showq
error      unix  -  -  n  -      -  error
retry      unix  -  -  n  -      -  error
virtual    unix  -  n  n  -      -  virtual
anvil      unix  -  -  n  -      1  anvil
postlog    unix-dgram n -  n  -  1  postlogd
`
}
