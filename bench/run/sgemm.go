package main

import (
	"fmt"
	"strconv"

	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
)

func init() {
	rows = append(rows, sgemmRow(1024), sgemmRow(2048))
}

// sgemmRow is the product of two square matrices, as a linear layer computes it,
// against torch.mm.
func sgemmRow(size int) row {
	return row{
		name: fmt.Sprintf("sgemm-%d", size),
		prepare: func(threads int) (step func(), err error) {
			g := nn.NewGraph(nn.NewParamSet(1), nn.Eval)
			g.Output("product", g.LinearNoBias(g.Input("x", size, size), "matrix", size))
			p, err := g.Compile(exec.NewCPU(threads))
			if err != nil {
				return nil, err
			}
			x := make([]float32, size*size)
			for i := range x {
				x[i] = float32(i%251) / 251
			}
			return p.Run, p.Set("x", x)
		},
		twins: [][]string{{"sgemm_twin.py", strconv.Itoa(size)}},
	}
}
