package trust

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/popsync/popsync/internal/nextstep"
	"github.com/popsync/popsync/internal/safepath"
	"github.com/popsync/popsync/internal/secret"
)

// Bounds of files, in octets. All certificates that a system trusts are a quarter of a MiB.
const (
	maxCAFile     = 16 << 20
	maxClientCert = 1 << 20
)

// roots are the system's authorities and those of a file; nil, which means the system's, without one.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := read("ca_file", file, maxCAFile, "name a file of PEM certificates that this user may read, or remove ca_file")
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without certificates: the file alone counts
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, nextstep.With(fmt.Errorf("ca_file: no PEM certificate in %s", file), "name a file of PEM certificates, or remove ca_file")
	}
	return pool, nil
}

// read reads a file that nobody else can change: whose certificates are in it may pass for the server.
func read(key, file string, most int64, hint string) ([]byte, error) {
	f, err := safepath.File(file)
	if err == nil {
		defer f.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(f, most)); err == nil {
			// Some editors put a mark before the first line, which is none of PEM then.
			return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
		}
	}
	var fault *safepath.Error
	if errors.As(err, &fault) {
		hint = fault.Mend
	}
	return nil, nextstep.With(fmt.Errorf("%s: %w", key, err), hint)
}

// ownError means that our certificate could not be read when a server asked for it.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

// client is our own certificate with its key.
func (o Options) client() (*tls.Certificate, error) {
	const mend = "name a file with the certificate in PEM"
	cert, err := read("tls_client_cert", o.ClientCert, maxClientCert, mend+" that this user may read")
	if err != nil {
		return nil, err
	}
	kinds := blocks(cert)
	switch {
	case kinds["CERTIFICATE"] == 0 && len(cert) > 1 && cert[0] == 0x30 && cert[1]&0x80 != 0: // a long SEQUENCE in DER
		return nil, nextstep.With(fmt.Errorf("tls_client_cert: %s is not PEM", o.ClientCert),
			"if it is PKCS #12 (.p12, .pfx), say: openssl pkcs12 -in FILE -nodes -out client.pem; and chmod 600 client.pem")
	case kinds["CERTIFICATE"] == 0:
		return nil, nextstep.With(fmt.Errorf("tls_client_cert: no PEM certificate in %s", o.ClientCert), mend)
	case o.ClientKey == "" && !hasKey(kinds):
		return nil, nextstep.With(fmt.Errorf("tls_client_cert: no private key in %s", o.ClientCert), "name its file in tls_client_key")
	}
	named, file := "tls_client_key", o.ClientKey
	if file == "" {
		named, file = "tls_client_cert", o.ClientCert
	}
	key, hint, err := secret.PrivateFile(file)
	if err != nil {
		if hint == "" {
			hint = "name a file with the private key in PEM that this user may read"
		}
		return nil, nextstep.With(fmt.Errorf("%s: %s: %w", named, file, err), hint)
	}
	defer clear(key)
	if encrypted(key) {
		return nil, nextstep.With(fmt.Errorf("%s: the private key in %s is locked with a passphrase", named, file),
			"nobody is there to type it: write the key without one, openssl pkey -in "+safepath.Quote(file)+" -out client.key, and chmod 600 client.key")
	}
	pair, err := tls.X509KeyPair(cert, bytes.TrimPrefix(key, []byte("\xef\xbb\xbf")))
	if err != nil { // its texts name kinds of keys, never what is in one
		return nil, nextstep.With(fmt.Errorf("%s: %w", named, err), "name the certificate in tls_client_cert and the private key that belongs to it in tls_client_key, both in PEM")
	}
	return &pair, nil
}

// blocks counts the kinds of PEM blocks in a text.
func blocks(text []byte) map[string]int {
	kinds := map[string]int{}
	for {
		b, rest := pem.Decode(text)
		if b == nil {
			return kinds
		}
		kinds[b.Type]++
		text = rest
	}
}

func hasKey(kinds map[string]int) bool {
	for kind := range kinds {
		if strings.HasSuffix(kind, "PRIVATE KEY") {
			return true
		}
	}
	return false
}

// encrypted tells whether a private key in PEM wants a passphrase (RFC 7468, section 11; RFC 1421, section 4.6.1.1).
func encrypted(text []byte) bool {
	return bytes.Contains(text, []byte("BEGIN ENCRYPTED PRIVATE KEY")) || bytes.Contains(text, []byte("\nProc-Type: 4,ENCRYPTED"))
}
