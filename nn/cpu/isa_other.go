//go:build !amd64

package cpu

func native() []*isa { return nil }
