// Package ratio measures the built popsync against the ideal client of package floor, in the same run; make bench runs
// it. It asserts nothing about time: machines differ.
package ratio
