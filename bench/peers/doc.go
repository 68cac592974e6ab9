// Package peers runs the built popsync and other POP3 fetchers, as the system has them installed, through the same
// faults on loopback and prints a table for docs/reliability.md; make bench-peers runs it. It asserts only what popsync
// promises: what the others do is written down, not judged.
package peers
