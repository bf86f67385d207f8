package exec

// A Device has memory and kernels. It lays images out as it likes; all other
// values are row-major.
type Device interface {
	// Floats is the memory that an image [n, c, h, w] takes.
	Floats(n, c, h, w int) int
	// Free is the memory in bytes that can be taken now.
	Free() int64
	// Alloc takes that many zeroed floats.
	Alloc(floats int) []float32
	// Partial says that the kernel of s can work on v, one of its operands,
	// as some channels of a wider image.
	Partial(s *Step, v *Value) bool
	// Kernel prepares a step whose operands have memory; nil if the device
	// has no kernel for it, and the reference runs. Kernels allocate nothing.
	Kernel(s *Step) func()
	// Parallel calls f for every task in [0, tasks) on the device's threads.
	Parallel(tasks int, f func(task, worker int))
	// Write and Read convert between an image and row-major [N, C, H, W].
	Write(v *Value, rowMajor []float32)
	Read(v *Value, rowMajor []float32)
}
