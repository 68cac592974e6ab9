// Package probe looks at what a configuration names, one thing at a time, and says on a sheet what was found: the ledger, a server with
// an account, passwords, mail servers and Maildirs that mail goes to, and what others could misuse. Nothing is fetched, delivered, deleted or made.
//
// 'popsync check' calls it, for several accounts at once. Whether a destination would work is found out by its own Check or Look.
package probe
