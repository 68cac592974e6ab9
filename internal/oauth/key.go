package oauth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
)

// keyUnusable tells that a text is no RSA key as the library reads them: then nothing was asked.
func keyUnusable(text string) bool {
	der := []byte(text)
	if block, _ := pem.Decode(der); block != nil {
		der = block.Bytes
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		_, err = x509.ParsePKCS1PrivateKey(der)
		return err != nil
	}
	_, ok := key.(*rsa.PrivateKey)
	return !ok
}
