package pop3

import (
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/popsync/popsync/internal/foreign"
)

// AsksCapa tells whether this session asks for capabilities: see Options.NoCapa.
func (c *Client) AsksCapa() bool { return !c.opt.NoCapa }

// unknownWords are how servers say that they do not know a command or a mechanism; each is about what was asked for, never
// about who asked. The texts are compared as words in lower case.
var unknownWords = []string{
	" unknown command ", " unknown auth command ", " unknown pop3 command ", " unknown or ", " command unknown ", " command is unknown ", " command not known ", " no such command ",
	" unrecognized ", " unrecognised ", " not recognized ", " not recognised ",
	" unimplemented ", " not implemented ", " not yet implemented ",
	" unsupported ", " not supported ", " isn t supported ",
	" invalid command ", " illegal command ", " bad command ", " wrong command ", " command invalid ", " command not valid ", " command is not valid ",
	" command not understood ", " command not available ", " command is not available ", " command not allowed ", " command disabled ", " syntax error ", " unexpected command ",
	" unknown auth ", " unknown authentication ", " unknown mechanism ", " unknown sasl ", " no such mechanism ", " no such auth ", " invalid mechanism ", " invalid auth mechanism ", " invalid authentication mechanism ",
	" mechanism not available ", " mechanism unknown ", " unknown verb ", " unknown method ", " unknown request ",
}

// blameWords make a refusal one of the user or the secret, whatever else it says.
var blameWords = []string{
	" password ", " passwd ", " pass phrase ", " passphrase ", " user ", " username ", " login ", " logon ", " credential ", " credentials ", " account ", " mailbox ",
	" failed ", " failure ", " denied ", " incorrect ", " locked ",
}

// commandUnknown tells whether a refusal is about the command alone. In doubt it is not: a secret that was refused must not be
// sent a second time. A response code says that the server knew what it was asked.
func commandUnknown(err error) bool {
	var refused *ResponseError
	if !errors.As(err, &refused) || refused.Code != "" {
		return false
	}
	text := foreign.Words(refused.Text)
	for _, advice := range []string{" user and pass ", " user pass ", " use user "} { // what to do instead
		text = strings.ReplaceAll(text, advice, " ")
	}
	return foreign.Says(text, unknownWords) && !foreign.Says(text, blameWords)
}

// initialWords are how servers say that the command held too much: Exchange's "Protocol error", and those of before RFC 2449.
var initialWords = []string{
	" protocol error ", " too many arguments ", " too many parameters ", " wrong number of arguments ", " wrong number of parameters ", " invalid number of arguments ",
	" invalid number of parameters ", " extra argument ", " extra arguments ", " line too long ", " command too long ", " argument too long ",
}

// noInitial tells whether a refusal is about a response in the command that begins an exchange.
func noInitial(refused *ResponseError) bool {
	text := foreign.Words(refused.Text)
	return foreign.Says(text, initialWords) && !foreign.Says(text, blameWords)
}

// BrokenByCapa tells whether CAPA may be what broke the conversation: the connection ended, or fell silent, when it was asked
// for, the answer was endless or garbled, or the connection ended with the first command after a refusal. No secret was sent
// before, unless it was accepted. See Options.NoCapa.
func BrokenByCapa(err error) bool {
	var (
		conn     *ConnError
		protocol *ProtocolError
		limit    *LimitError
	)
	switch {
	case errors.As(err, &conn):
		return conn.Command == "CAPA" || conn.behindCapa
	case errors.As(err, &protocol):
		return protocol.Command == "CAPA"
	case errors.As(err, &limit):
		return limit.Command == "CAPA"
	}
	return false
}

// ended tells that a peer closed the connection, with or without ceremony.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// HungUp tells that the server closed the connection.
func (e *ConnError) HungUp() bool { return ended(e.Err) }
