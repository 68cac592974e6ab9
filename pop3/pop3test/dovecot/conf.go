package dovecot

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
)

// owner is whom the mail belongs to and whom Dovecot's processes run as.
type owner struct {
	uid, gid int
	root     bool // the test runs as root: Dovecot can switch to its own users
	name     string
	group    string
}

// mailOwner is "nobody" for root, since Dovecot refuses to serve mail as uid 0, and otherwise whoever runs the test.
func mailOwner(t testing.TB) owner {
	t.Helper()
	u, err := user.Current()
	root := os.Geteuid() == 0
	if root {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatalf("dovecot: %v", err)
	}
	o := owner{root: root, name: u.Username, group: u.Gid}
	o.uid, _ = strconv.Atoi(u.Uid)
	o.gid, _ = strconv.Atoi(u.Gid)
	if g, err := user.LookupGroupId(u.Gid); err == nil {
		o.group = g.Name
	}
	return o
}

// conf is a whole configuration for Dovecot 2.3; nothing is read from the system's.
func (s *Server) conf(plain, tls int) string {
	c := fmt.Sprintf(`
base_dir = %[1]s/base
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = pop3
listen = 127.0.0.1

# Every way to log in: plain text, STLS on the same port, TLS on the other.
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %[1]s/users
}
userdb {
  driver = passwd-file
  args = username_format=%%u %[1]s/users
}
mail_location = maildir:~
first_valid_uid = 1
first_valid_gid = 1

# A server of a test answers at once, refused logins included, and loses its mail with the test.
auth_failure_delay = 0
mail_fsync = never

# Many connections at a time, from one address.
mail_max_userip_connections = 0
default_process_limit = 4096
default_client_limit = 20000
default_vsz_limit = 1G
service pop3-login {
  inet_listener pop3 {
    port = %[2]d
  }
  inet_listener pop3s {
    port = %[3]d
    ssl = yes
  }
  service_count = 0
  process_min_avail = 1
}
service pop3 {
  process_min_avail = 1
  service_count = 100
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
`, s.dir, plain, tls)
	if s.owner.root {
		return c
	}
	// Without root nothing can switch users or change its root folder.
	return c + fmt.Sprintf(`
default_login_user = %[1]s
default_internal_user = %[1]s
default_internal_group = %[2]s
service pop3-login {
  chroot =
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`, s.owner.name, s.owner.group)
}

// lmtp is the configuration for Options.LMTP.
func (s *Server) lmtp(o Options) string {
	if !o.LMTP {
		return ""
	}
	s.needs("LMTP server", "lmtp", "dovecot-lmtpd")
	s.LMTP = filepath.Join(s.dir, "base", "lmtp")
	c := fmt.Sprintf(`
protocols = pop3 lmtp
hostname = %[1]s
postmaster_address = postmaster@%[1]s
auth_username_format = %%Ln
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
}
`, Host)
	if !s.owner.root {
		c += "service lmtp {\n  user = " + s.owner.name + "\n}\n"
	}
	return c
}

// imap is the configuration for Options.IMAP.
func (s *Server) imap(o Options) string {
	if !o.IMAP {
		return ""
	}
	s.needs("IMAP server", "imap", "dovecot-imapd")
	plain, tls, err := freePorts()
	s.must(err)
	s.IMAP, s.IMAPS = fmt.Sprintf("127.0.0.1:%d", plain), fmt.Sprintf("127.0.0.1:%d", tls)
	c := fmt.Sprintf(`
protocols = $protocols imap
service imap-login {
  inet_listener imap {
    port = %d
  }
  inet_listener imaps {
    port = %d
    ssl = yes
  }
  service_count = 0
}
`, plain, tls)
	if !s.owner.root {
		c += "service imap-login {\n  chroot =\n}\n"
	}
	return c
}

// needs ends the test when a part of Dovecot, a package of its own, is missing.
func (s *Server) needs(part, program, pkg string) {
	s.t.Helper()
	for _, dir := range []string{"/usr/lib/dovecot/", "/usr/libexec/dovecot/"} {
		if _, err := os.Stat(dir + program); err == nil {
			return
		}
	}
	problem := "Dovecot's " + part + " is not installed; install it with: apt-get install " + pkg + " (Debian), or run: make test-deps"
	if os.Getenv("CI") != "" {
		s.t.Fatal(problem)
	}
	s.t.Skip("NOT TESTED AGAINST DOVECOT'S " + part + ": " + problem)
}
