//go:build !control_latesyncfs

package durable

// lateSyncfs is true only in a build which shows that the tests of power cuts notice a descriptor for syncfs that was
// opened after the writes, and so is never told of their errors.
const lateSyncfs = false
