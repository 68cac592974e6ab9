//go:build control_latesyncfs

package durable

const lateSyncfs = true
