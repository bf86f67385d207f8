package cpu

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Every task runs once, whatever the number of threads and however long helpers
// sleep between jobs.
func TestPool(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 9} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			p := NewPool(threads)
			defer p.Close()
			for job := range 2000 {
				counts := make([]atomic.Int32, 1+job%7)
				var busy [9]atomic.Bool
				p.Run(len(counts), func(task, worker int) {
					if busy[worker].Swap(true) {
						t.Errorf("worker %d has two tasks at once", worker)
					}
					if job%50 == 0 {
						time.Sleep(time.Duration(task) * 100 * time.Microsecond)
					}
					counts[task].Add(1)
					busy[worker].Store(false)
				})
				for i := range counts {
					if n := counts[i].Load(); n != 1 {
						t.Fatalf("job %d: task %d ran %d times", job, i, n)
					}
				}
				if job%400 == 0 {
					time.Sleep(2 * time.Millisecond) // helpers fall asleep
				}
			}
		})
	}
}

// BenchmarkForkJoin is the cost of sharing out two empty tasks.
func BenchmarkForkJoin(b *testing.B) {
	p := NewPool(2)
	defer p.Close()
	f := func(int, int) {}
	for b.Loop() {
		p.Run(2, f)
	}
}
