package acceptance_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// papers makes certificates for TestAcceptTrust, as files.
type papers struct {
	t      *testing.T
	dir    string
	key    *rsa.PrivateKey // of all servers but the one with another key: RSA is what old servers have
	serial int64
}

type paper struct {
	cert     *x509.Certificate
	key      *rsa.PrivateKey
	certFile string
	keyFile  string
}

func (p *papers) newKey() *rsa.PrivateKey {
	p.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.t.Fatal(err)
	}
	return key
}

// issue makes a certificate for 127.0.0.1; issuer nil: it signs itself; key nil: the common one.
func (p *papers) issue(name string, issuer *paper, key *rsa.PrivateKey, change func(*x509.Certificate)) *paper {
	p.t.Helper()
	if key == nil {
		key = p.key
	}
	p.serial++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(p.serial), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().AddDate(0, 0, -60), NotAfter: time.Now().AddDate(0, 0, 60),
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		p.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		p.t.Fatal(err)
	}
	made := &paper{c, key, filepath.Join(p.dir, name+".pem"), filepath.Join(p.dir, name+".key")}
	p.write(made.certFile, "CERTIFICATE", der)
	p.write(made.keyFile, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	return made
}

func (p *papers) write(file, kind string, der []byte) {
	p.t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func authority(c *x509.Certificate) {
	c.IPAddresses, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = nil, true, true, x509.KeyUsageCertSign
}

// pin is the key as a person would write it.
func (m *paper) pin() string {
	sum := sha256.Sum256(m.cert.RawSubjectPublicKeyInfo)
	return "sha256//" + base64.StdEncoding.EncodeToString(sum[:])
}
