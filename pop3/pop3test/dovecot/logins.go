package dovecot

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// crypted is Password as {SHA512-CRYPT}, which no mechanism can check that does not get the password itself.
const crypted = "$6$popsync$cgPcTnHEEAdRWFj/7UMcwEIAm0/E7s5.D.venPVX1dq/bKHls.PZiuHW6xe1fK8XZOFpp6jAZIWhCSaTkBTJv."

// AddHashedUser is AddUser for a user whose password is stored as a hash.
func (s *Server) AddHashedUser(name string) { s.addUser(name, "{SHA512-CRYPT}"+crypted) }

// logins is the configuration for Options.Logins.
func (s *Server) logins(o Options) string {
	if !o.Logins {
		return ""
	}
	c := fmt.Sprintf(`
auth_mechanisms = plain login apop cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer external
auth_verbose = yes
ssl_ca = <%[1]s/ca.pem
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
service auth {
  unix_listener %[2]s {
    mode = 0666
  }
}
passdb {
  driver = static
  mechanisms = external
  args = nopassword=y
}
`, s.dir, s.AuthSocket())
	if o.Introspect != "" {
		s.must(os.WriteFile(filepath.Join(s.dir, "oauth2"), fmt.Appendf(nil, `
introspection_url = %s
introspection_mode = auth
username_attribute = username
active_attribute = active
active_value = true
`, o.Introspect), 0o644))
		c += fmt.Sprintf("passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = %s/oauth2\n}\n", s.dir)
	}
	return c
}

// AuthSocket is where another server asks this one about logins (Options.Logins), as Postfix does by smtpd_sasl_path.
func (s *Server) AuthSocket() string { return filepath.Join(s.dir, "a") }

var attempts = regexp.MustCompile(`auth failed, ([0-9]+) attempts.*user=<([^>]*)>`)

// Refusals is how many logins of a user were refused over POP3, on connections that have ended without a login.
func (s *Server) Refusals(user string) (n int) {
	s.t.Helper()
	for _, m := range attempts.FindAllStringSubmatch(s.Log(), -1) {
		if m[2] == user {
			k, err := strconv.Atoi(m[1])
			s.must(err)
			n += k
		}
	}
	return n
}

// ClientCertificate is one for a user, with which SASL EXTERNAL logs in.
func (s *Server) ClientCertificate(user string) tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.must(err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: user}, NotBefore: s.ca.NotBefore, NotAfter: s.ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, s.ca, &key.PublicKey, s.caKey)
	s.must(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// WantRefusals waits until the server has counted n refused logins of a user, for 20 s, and fails the test if it counts others.
func (s *Server) WantRefusals(t testing.TB, user string, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.Refusals(user) < n && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
	}
	if got := s.Refusals(user); got != n {
		t.Errorf("%d logins of %s were refused, want %d", got, user, n)
	}
}
