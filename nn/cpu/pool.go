package cpu

import (
	"sync"
	"sync/atomic"
)

// A Pool is a fixed set of threads that share the tasks of one kernel at a
// time. It is used by one goroutine.
type Pool struct {
	threads int
	next    atomic.Int64
	tasks   int64
	f       func(task, worker int)
	wake    []chan struct{}
	done    sync.WaitGroup
	scratch []scratch

	reserved int
	memory   []float32
	stage    int       // floats of the largest Stage
	staging  []float32 // which they share
	winograd bool
}

// scratch is what a worker needs so that kernels allocate nothing.
type scratch struct {
	tile    tile
	patches patches
	out     [16 * 32]float32 // a tile whose last vector is cut by the channel count
	sums    [32]float32
	block   [3][blockSize]float32   // of an element-wise kernel
	rows    [16 * rowsApart]float32 // weights on their way into a vector's lanes
	// Channel vectors that a kernel takes by address.
	coef4 [4]*float32
	coef5 [5]*float32
	_     [64]byte // keeps neighbours off a shared cache line
}

// NewPool returns a pool of threads workers, at least one. The caller's
// goroutine is one of them.
func NewPool(threads int) *Pool {
	threads = max(threads, 1)
	p := &Pool{threads: threads, scratch: make([]scratch, threads)}
	for w := 1; w < threads; w++ {
		wake := make(chan struct{}, 1)
		p.wake = append(p.wake, wake)
		go func() {
			for range wake {
				p.work(w)
				p.done.Done()
			}
		}()
	}
	return p
}

// Threads is the number of workers.
func (p *Pool) Threads() int { return p.threads }

// Close ends the workers.
func (p *Pool) Close() {
	for _, w := range p.wake {
		close(w)
	}
}

// UseWinograd lets convolutions that are prepared from now on use Winograd's
// F(4x4, 3x3) where their shape makes it faster, up to four times fewer
// multiplications. Its rounding errors are some times those of a direct
// convolution: up to about 1e-5 of the output's root mean square.
func (p *Pool) UseWinograd(on bool) { p.winograd = on }

// reserve promises a kernel that is being prepared n floats of the memory that
// all kernels share, one after the other.
func (p *Pool) reserve(n int) { p.reserved = max(p.reserved, n) }

// shared is that memory, until another kernel of the pool runs. Its content is
// left over from others.
func (p *Pool) shared(n int) []float32 {
	if len(p.memory) < p.reserved {
		p.memory = make([]float32, p.reserved)
	}
	return p.memory[:n]
}

// Run calls f for every task in [0, tasks) and returns when all are done. Which
// worker runs a task is left open: f must not let results depend on it.
func (p *Pool) Run(tasks int, f func(task, worker int)) {
	if p.threads == 1 || tasks == 1 {
		for i := range tasks {
			f(i, 0)
		}
		return
	}
	p.f, p.tasks = f, int64(tasks)
	p.next.Store(0)
	helpers := min(p.threads, tasks) - 1
	p.done.Add(helpers)
	for _, w := range p.wake[:helpers] {
		w <- struct{}{}
	}
	p.work(0)
	p.done.Wait()
}

func (p *Pool) work(worker int) {
	for {
		i := p.next.Add(1) - 1
		if i >= p.tasks {
			return
		}
		p.f(int(i), worker)
	}
}
