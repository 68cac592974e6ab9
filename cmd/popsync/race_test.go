//go:build race

package main

// underRace tells whether the race detector watches, which makes a simulated day ten times as long.
const underRace = true
