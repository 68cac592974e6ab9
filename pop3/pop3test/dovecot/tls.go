package dovecot

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// certify makes a certification authority and a certificate for Host and 127.0.0.1, both good for a day.
func (s *Server) certify() {
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "popsync test authority"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: Host},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		DNSNames:     []string{Host},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.must(err)
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.must(err)
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	s.must(err)
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &leafKey.PublicKey, caKey)
	s.must(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	s.must(err)

	write := func(name, kind string, der []byte, mode os.FileMode) string {
		file := filepath.Join(s.dir, name)
		s.must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode))
		return file
	}
	s.CAFile = write("ca.pem", "CERTIFICATE", caDER, 0o644)
	write("cert.pem", "CERTIFICATE", leafDER, 0o644)
	write("key.pem", "PRIVATE KEY", keyDER, 0o600)

	caCert, err := x509.ParseCertificate(caDER)
	s.must(err)
	s.ca, s.caKey = caCert, caKey
	s.CA = x509.NewCertPool()
	s.CA.AddCert(caCert)
}

// greets connects and reads the greeting.
func (s *Server) greets(addr string, secure bool) error {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if secure {
		conn = tls.Client(conn, &tls.Config{RootCAs: s.CA, ServerName: Host})
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "+OK") {
		return fmt.Errorf("greeting %q", line)
	}
	return nil
}
