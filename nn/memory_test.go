package nn

import (
	"strings"
	"testing"

	"github.com/anobench/anobench/nn/exec"
)

// small is a device with little memory; taking any fails the test.
type small struct {
	exec.Device
	t    *testing.T
	free int64
}

func (s small) Free() int64 { return s.free }

func (s small) Alloc(int) []float32 {
	s.t.Error("memory was taken")
	return nil
}

func TestMemoryIsForeseen(t *testing.T) {
	device := exec.NewCPU(1)
	defer device.Close()
	params := NewParamSet(1)
	g := NewGraph(params, Train)
	_, loss := smallNet(g)
	g.Minimize(loss)
	_, err := g.Compile(small{device, t, 100_000})
	if err == nil || !strings.Contains(err.Error(), "MB for activations and gradients and 0.1 MB are free: lower the batch") {
		t.Errorf("error %v does not tell the sizes", err)
	}
	if _, err := g.Compile(small{device, t, 1 << 30}); err != nil {
		t.Errorf("enough memory: %v", err)
	}
}
