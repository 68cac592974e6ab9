package sasl

import (
	"bytes"
	"crypto/tls"
	"strconv"
	"strings"

	gosasl "github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

// maxIterations is ten to a hundred times what servers ask for: some hundred milliseconds of computing.
const maxIterations = 1_000_000

// scramClient is a gosasl.Client for SCRAM.
type scramClient struct {
	mechanism string
	conv      *scram.ClientConversation
	first     bool // the server's first message was taken
	failed    bool // the server told an error, and says so again when it is done
}

var _ gosasl.Client = (*scramClient)(nil)

// newSCRAM makes one. announced: the server has this method with -PLUS, too. nonce nil: at random.
func newSCRAM(method, user, secret string, state *tls.ConnectionState, announced bool, nonce func() string) (*scramClient, error) {
	hash := scram.SHA256
	if strings.HasPrefix(method, "scram-sha-1") {
		hash = scram.SHA1
	}
	c, err := hash.NewClient(user, secret, "")
	if err != nil { // what SASLprep forbids (RFC 4013) is taken as it is: some server took it, too
		if c, err = hash.NewClientUnprepped(user, secret, ""); err != nil {
			return nil, errServer // the reason could hold the password
		}
	}
	if nonce != nil {
		c.WithNonceGenerator(nonce)
	}
	binding, bound := bindingOf(state)
	s := &scramClient{mechanism: strings.ToUpper(method)}
	switch {
	case isBound(method):
		if !bound {
			return nil, &OfferError{"the connection has nothing that " + s.mechanism + " could be bound to"}
		}
		s.conv = c.NewConversationWithChannelBinding(binding)
	case bound && !announced:
		// Who hid -PLUS from us is found out by the server (RFC 5802, section 6).
		s.conv = c.NewConversationAdvertisingChannelBinding()
	default:
		s.conv = c.NewConversation()
	}
	return s, nil
}

// isBound tells of the methods that are bound to the connection.
func isBound(method string) bool { return strings.HasSuffix(method, "-plus") }

// isSCRAM tells of all kinds of it.
func isSCRAM(method string) bool { return strings.HasPrefix(method, "scram-") }

// bindingOf is what an exchange is bound to: the exporter of RFC 9266, which Go refuses under TLS 1.2 without extended master
// secret, else the certificate (RFC 5929, section 4).
func bindingOf(state *tls.ConnectionState) (scram.ChannelBinding, bool) {
	if state == nil || !state.HandshakeComplete || state.Version < tls.VersionTLS12 {
		return scram.ChannelBinding{}, false
	}
	if b, err := scram.NewTLSExporterBinding(state); err == nil {
		return b, true
	}
	b, err := scram.NewTLSServerEndpointBinding(state)
	return b, err == nil
}

func (s *scramClient) Start() (string, []byte, error) {
	first, err := s.conv.Step("")
	if err != nil {
		return "", nil, errServer
	}
	return s.mechanism, []byte(first), nil
}

func (s *scramClient) Next(challenge []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(challenge, []byte("e=")): // RFC 5802, section 7: the refusal follows
		s.failed = true
		return nil, nil
	case s.failed || s.conv.Valid():
		return nil, errTooMany
	case !s.first && !reasonable(string(challenge)):
		return nil, errIterations
	}
	s.first = true
	answer, err := s.conv.Step(string(challenge))
	if err != nil {
		return nil, errServer // what the library says quotes the server
	}
	return []byte(answer), nil
}

// finish is for the end of the exchange: a server that says "welcome" without a proof may be anybody. Some give it with that.
func (s *scramClient) finish(text []byte) error {
	word, _, _ := bytes.Cut(text, []byte(" "))
	if !s.conv.Valid() && !s.failed && s.first {
		if final, err := decode(word); err == nil && bytes.HasPrefix(final, []byte("v=")) {
			if _, err := s.conv.Step(string(final)); err != nil {
				return errServer
			}
		}
	}
	if !s.conv.Valid() {
		return errUnproven
	}
	return nil
}

// reasonable bounds the iterations that the server's first message asks for (RFC 5802, section 5.1).
func reasonable(message string) bool {
	for part := range strings.SplitSeq(message, ",") {
		if n, ok := strings.CutPrefix(part, "i="); ok {
			v, err := strconv.Atoi(n)
			return err == nil && v <= maxIterations
		}
	}
	return true // the library refuses a message without
}
