package sdk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
)

// EachSample makes the samples of req in parallel, at most GOMAXPROCS at a
// time, and passes them to emit in order of their index. create is called from
// several goroutines and gets the sample's index and a random generator that
// depends on the sample's seed alone, so that the result is the same however
// many processors there are. EachSample sets Index and Seed. It returns the
// first error in order of index, and only after every call of create has ended;
// a panic in create is an error that holds the stack.
func EachSample(ctx context.Context, req *Request, emit func(*Sample) error,
	create func(ctx context.Context, index int, rng *rand.Rand) (*Sample, error)) error {
	if len(req.Seeds) != req.Count {
		return fmt.Errorf("request has %d seeds for %d samples: give one each", len(req.Seeds), req.Count)
	}
	type result struct {
		sample *Sample
		err    error
	}
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// The channel holds the results to come in order; its capacity bounds how
	// many are under way.
	coming := make(chan chan result, max(runtime.GOMAXPROCS(0)-1, 1))
	running.Go(func() {
		defer close(coming)
		for i := range req.Count {
			done := make(chan result, 1)
			select {
			case coming <- done:
			case <-ctx.Done():
				return
			}
			running.Go(func() {
				s, err := createOne(ctx, req, i, create)
				done <- result{s, err}
			})
		}
	})
	for done := range coming {
		r := <-done
		if r.err != nil {
			return r.err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := emit(r.sample); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func createOne(ctx context.Context, req *Request, i int,
	create func(context.Context, int, *rand.Rand) (*Sample, error)) (s *Sample, err error) {
	index := req.First + i
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, &panicError{fmt.Sprintf("sample %d: panic: %v", index, r), debug.Stack()}
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err = create(ctx, index, Rand(req.Seeds[i]))
	if err != nil {
		return nil, fmt.Errorf("sample %d: %w", index, err)
	}
	if s == nil {
		return nil, fmt.Errorf("sample %d: the generator returned none", index)
	}
	s.Index, s.Seed = index, req.Seeds[i]
	return s, nil
}

// Rand returns the random generator that belongs to a sample's seed.
func Rand(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
}

// A panicError is a panic caught on its way; the server logs its stack.
type panicError struct {
	message string
	stack   []byte
}

func (e *panicError) Error() string { return e.message }
