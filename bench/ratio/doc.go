// Package ratio measures the built popsync against the ideal client of package floor and against the other fetchers that
// are installed, in the same run; make bench runs it. It asserts nothing about time, since machines differ, but every
// delivered byte is compared.
//
// All mail comes from a private Dovecot that keeps it in memory, or from a server inside the bench where Dovecot would be
// what is measured; clients write to a real disk. Programs take turns, so that what else the machine does befalls all of
// them.
package ratio
