// Package acceptance holds tests, and nothing that the program is made of. They build popsync, run it as a person would, with a
// configuration and a home of its own, against servers in memory and real ones, and look at what it prints, delivers, keeps and
// deletes. They refuse to know its inside: of its packages they use only those that name what is on a disk.
//
// The file's name says what is tested: script is what a person types and reads, history what happens to a mailbox in random
// weeks, crash what a kill before each system call leaves, power what a power cut leaves, servers are the POP3 servers that
// Debian ships, daemon_soak is the daemon in its sandbox, daemon_dead its accounts whose servers are gone. house is a person's
// machine, which all of them share.
package acceptance
