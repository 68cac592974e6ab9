//go:build control_bypath

package durable

const chmodByPath = true
