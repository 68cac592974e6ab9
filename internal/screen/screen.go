// Package screen makes text for people: tables, lines that fit, and output that is harmless on any terminal. It has no control sequences, which internal/terminal has.
//
// Commands call it. It opens nothing, decides nothing, and writes only where it is told to. What text from outside may look
// like is internal/foreign's to judge.
package screen
