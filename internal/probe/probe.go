// Package probe looks at what a configuration names, one thing at a time, and says on a sheet what was found: the ledger, a server with
// an account, passwords, and what others could misuse. Nothing is fetched, delivered, deleted or made.
//
// 'popsync check' calls it, for several accounts at once. What a destination looks like is found out by its own Check.
package probe
