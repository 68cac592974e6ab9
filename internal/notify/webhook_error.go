package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
)

// describe tells why a request failed, in words of its own: those of the libraries hold the URL, or its host, and a
// receiver's token may be anywhere in it. So nothing of err is wrapped, either.
func describe(ctx context.Context, err error) error {
	var (
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		alert   tls.AlertError
		header  tls.RecordHeaderError
		errno   syscall.Errno
		timeout net.Error
	)
	switch {
	case errors.Is(err, errElsewhere):
		return &SendError{Err: errElsewhere, Permanent: true}
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Canceled
	case errors.As(err, &dns):
		return errors.New("the name of the receiver could not be looked up")
	case errors.As(err, &name):
		return errors.New("the receiver's certificate is for another name")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errors.New("the receiver's certificate has expired or is not valid yet; see the clock of this machine, too")
	case errors.As(err, &cert):
		return errors.New("the receiver's certificate could not be verified")
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &alert), errors.As(err, &header):
		return errors.New("no TLS with the receiver: see its port and scheme")
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer from the receiver within %v", webhookTime)
	case errors.As(err, &errno):
		return fmt.Errorf("no connection to the receiver: %w", errno)
	}
	return errors.New("the receiver ended the connection, or did not speak HTTP")
}
