package cpu

import (
	"runtime"
	"sync/atomic"
)

// A Pool is a fixed set of threads that share the tasks of one kernel at a
// time. It is used by one goroutine.
type Pool struct {
	threads int
	next    atomic.Int64
	tasks   int64
	f       func(task, worker int)
	// job is the number of the present job, whether helpers may still join it, and
	// how many are at it. A helper that comes too late is not waited for.
	job     atomic.Uint64
	helpers []helper
	spins   int         // looks for a change before a thread goes to sleep
	asleep  atomic.Bool // the caller waits for helpers to finish
	joined  chan struct{}
	closed  atomic.Bool
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

// A helper is a thread besides the caller's.
type helper struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [64]byte // keeps neighbours off a shared cache line
}

// The parts of Pool.job.
const (
	jobNumber = 32 // shift
	jobOpen   = 1 << 31
	jobAtWork = jobOpen - 1
)

// spinning is how often a thread looks for a change before it goes to sleep: for
// a tenth of a millisecond and more, as kernels follow one another faster than a
// sleeper wakes up.
const spinning = 1 << 18

// NewPool returns a pool of threads workers, at least one. The caller's
// goroutine is one of them.
func NewPool(threads int) *Pool {
	threads = max(threads, 1)
	p := &Pool{threads: threads, scratch: make([]scratch, threads), helpers: make([]helper, threads-1), joined: make(chan struct{}, 1)}
	if runtime.GOMAXPROCS(0) >= threads {
		p.spins = spinning
	}
	for i := range p.helpers {
		p.helpers[i].wake = make(chan struct{}, 1)
		go p.help(i + 1)
	}
	return p
}

// Threads is the number of workers.
func (p *Pool) Threads() int { return p.threads }

// Close ends the workers.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.job.Add(1 << jobNumber)
	p.wakeUp(len(p.helpers))
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
	p.job.Store((p.job.Load()>>jobNumber+1)<<jobNumber | jobOpen)
	p.wakeUp(min(p.threads, tasks) - 1)
	p.work(0)
	p.job.And(^uint64(jobOpen))
	for range p.spins {
		if p.job.Load()&jobAtWork == 0 {
			return
		}
	}
	p.asleep.Store(true)
	if p.job.Load()&jobAtWork > 0 || !p.asleep.CompareAndSwap(true, false) {
		<-p.joined
	}
}

// wakeUp wakes the first helpers, where they sleep.
func (p *Pool) wakeUp(helpers int) {
	for i := range helpers {
		if h := &p.helpers[i]; h.asleep.CompareAndSwap(true, false) {
			h.wake <- struct{}{}
		}
	}
}

// help is the life of a helper.
func (p *Pool) help(worker int) {
	seen := uint64(0) // number of the last job
	for {
		job := p.wait(worker, seen)
		seen = job >> jobNumber
		if p.closed.Load() {
			return
		}
		for job&jobOpen > 0 && job>>jobNumber == seen {
			if p.job.CompareAndSwap(job, job+1) {
				p.work(worker)
				if p.job.Add(^uint64(0))&(jobOpen|jobAtWork) == 0 && p.asleep.CompareAndSwap(true, false) {
					p.joined <- struct{}{}
				}
				break
			}
			job = p.job.Load()
		}
	}
}

// wait returns the job after the one that the helper has seen.
func (p *Pool) wait(worker int, seen uint64) uint64 {
	h := &p.helpers[worker-1]
	for {
		for range p.spins + 1 {
			if job := p.job.Load(); job>>jobNumber != seen {
				return job
			}
		}
		h.asleep.Store(true)
		if p.job.Load()>>jobNumber == seen || !h.asleep.CompareAndSwap(true, false) {
			<-h.wake
		}
	}
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
