//go:build control_nodirsync

package durable

const omitDirSync = true
