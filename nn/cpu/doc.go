// Package cpu holds the engine's kernels for processors: portable Go, and
// assembly for AVX2 and AVX-512.
//
// Activations are channels-last Views with a ring of zero pixels around every
// image, so that convolutions read their padding from memory. Work is split by
// shape, never by the number of threads, and partial sums are combined in a
// fixed order: results have the same bits on any number of threads. They may
// differ between instruction sets, which the environment variable
// ANOBENCH_CPU (avx512, avx2, portable) can restrict.
package cpu

//go:generate go run asmgen/main.go asmgen/winograd.go
//go:generate gofmt -w kernels_amd64.go
