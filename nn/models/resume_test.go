package models

import (
	"slices"
	"testing"

	"github.com/anobench/anobench/internal/nntest"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
)

// TestResume trains in one go and with a break in which everything goes
// through tensors; both must end with the same bits.
func TestResume(t *testing.T) {
	type run struct {
		params *nn.ParamSet
		step   *exec.Program
		adam   *optim.Adam
	}
	shape := []int{2, 3, 32, 32}
	start := func(seed uint64) run {
		params := nn.NewParamSet(seed)
		return run{params, trainProgram(t, direct(t), params, 4, shape), optim.NewAdam(params.Weights(), optim.DefaultAdam(1e-3))}
	}
	train := func(r run, batches ...int) {
		for _, batch := range batches {
			image, mask := make([]float32, 2*3*32*32), make([]float32, 2*32*32)
			for i := range image {
				image[i] = float32((i*7+batch*13)%101) / 101
			}
			for i := range mask {
				mask[i] = float32((i + batch) / 5 % 2)
			}
			for name, data := range map[string][]float32{"image": image, "mask": mask} {
				if err := r.step.Set(name, data); err != nil {
					t.Fatal(err)
				}
			}
			r.step.Run()
			r.adam.Step(r.step)
		}
	}
	whole := start(1)
	train(whole, 0, 1, 2, 3)

	before, after := start(1), start(2)
	train(before, 0, 1)
	if _, err := after.params.Load(before.params.Tensors()); err != nil {
		t.Fatal(err)
	}
	if err := after.adam.Load(before.adam.Tensors()); err != nil {
		t.Fatal(err)
	}
	train(after, 2, 3)
	for _, p := range whole.params.All() {
		q := after.params.Get(p.Name)
		if !slices.Equal(p.Data, q.Data) || p.Count != q.Count {
			t.Errorf("%s differs after resuming", p.Name)
		}
	}
}

func TestTrainingLearns(t *testing.T) {
	params := nn.NewParamSet(1)
	p := trainProgram(t, direct(t), params, 4, []int{2, 3, 32, 32})
	adam := optim.NewAdam(params.Weights(), optim.DefaultAdam(1e-2))
	image, mask := make([]float32, 2*3*32*32), make([]float32, 2*32*32)
	for n := range 2 { // a bright square is the anomaly
		for y := 8 + 4*n; y < 20; y++ {
			for x := 6; x < 18; x++ {
				mask[(n*32+y)*32+x] = 1
				for c := range 3 {
					image[((n*3+c)*32+y)*32+x] = 1
				}
			}
		}
	}
	nntest.Run(t, p, map[string][]float32{"image": image, "mask": mask})
	first := nntest.Output(t, p, "loss")[0]
	for range 40 {
		adam.Step(p)
		p.Run()
	}
	if last := nntest.Output(t, p, "loss")[0]; !(last < first/10) {
		t.Errorf("the loss went from %v to %v", first, last)
	}
}
