// Package foreign is what text from outside goes through before anybody sees it: what a server, a relay or a program said. It
// takes secrets out, makes the rest harmless wherever it is printed, and cuts it, in this order: text that is cut first may end
// in half a secret, and text that is escaped first may hold a secret that does not look like itself.
//
// It refuses to guess: what cannot be shown for certain as what it says is escaped, octet by octet. It knows nothing of POP3 or
// SMTP and opens nothing.
package foreign
