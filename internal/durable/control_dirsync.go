//go:build !control_nodirsync

package durable

// omitDirSync is true only in a build which shows that the tests of power cuts notice a directory that nobody synced.
const omitDirSync = false
