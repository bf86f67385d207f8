package features

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/optim"
)

// A proxyClass is what the proxy network learns to tell from others.
type proxyClass struct{ family, defect, texture string }

// proxyClasses are the families of the embedded data set, flawless and with each
// defect, and procedural textures.
func proxyClasses() []proxyClass {
	var out []proxyClass
	for _, f := range synth.Families() {
		for _, d := range append([]string{synth.Good}, f.Defects...) {
			out = append(out, proxyClass{family: f.Name, defect: d})
		}
	}
	for _, name := range synth.Textures() {
		out = append(out, proxyClass{texture: name})
	}
	return out
}

func (c proxyClass) draw(seed uint64, index, size int) (*dataset.Image, error) {
	if c.texture != "" {
		return synth.DrawTexture(c.texture, seed, index, size)
	}
	m, _, err := synth.Draw(c.family, c.defect, seed, index, size)
	return m, err
}

// ProxyTraining says how the proxy network is trained.
type ProxyTraining struct {
	Seed     uint64
	Steps    int // of 32 images
	PerClass int // images drawn of every class
	Threads  int
}

// DefaultProxyTraining made the weights that ship with the program.
var DefaultProxyTraining = ProxyTraining{Seed: 20, Steps: 8000, PerClass: 160, Threads: runtime.NumCPU()}

const (
	proxyBatch  = 32
	proxyMargin = 12 // pixels by which pictures are larger than what is cut from them
)

// TrainProxy trains the network and returns its parameters and its accuracy on
// images that it was not trained on, a quarter as many.
func TrainProxy(ctx context.Context, t ProxyTraining, progress func(step int, loss float64, left time.Duration)) (*nn.ParamSet, float64, error) {
	images, err := drawProxy(ctx, t.Seed, t.PerClass, proxySize+proxyMargin)
	if err != nil {
		return nil, 0, err
	}
	device := exec.NewCPU(t.Threads)
	defer device.Close()
	params := nn.NewParamSet(t.Seed)
	g := nn.NewGraph(params, nn.Train)
	_, logits, err := proxyNetwork(g, g.Input("image", proxyBatch, 3, proxySize, proxySize))
	if err != nil {
		return nil, 0, err
	}
	loss := g.CrossEntropy(logits, g.Input("class", proxyBatch))
	g.Output("loss", loss)
	g.Minimize(loss)
	program, err := g.Compile(device)
	if err != nil {
		return nil, 0, err
	}
	schedule := optim.Cosine{Base: 2e-3, Epochs: t.Steps}
	adam := optim.NewAdam(params.Weights(), optim.DefaultAdam(2e-3))
	rng := rand.New(rand.NewPCG(t.Seed, 1))
	x, y := make([]float32, proxyBatch*3*proxySize*proxySize), make([]float32, proxyBatch)
	began := time.Now()
	for step := range t.Steps {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		for i := range proxyBatch {
			class := rng.IntN(len(images))
			y[i] = float32(class)
			augment(images[class][rng.IntN(t.PerClass)], rng, x[i*3*proxySize*proxySize:][:3*proxySize*proxySize])
		}
		if err := program.Set("image", x); err != nil {
			return nil, 0, err
		}
		if err := program.Set("class", y); err != nil {
			return nil, 0, err
		}
		program.Run()
		if !program.Finite() {
			return nil, 0, fmt.Errorf("training of the proxy network diverged at step %d", step+1)
		}
		adam.SetLearningRate(schedule.At(step))
		adam.Step(program)
		if (step+1)%100 == 0 {
			v, err := program.Scalar("loss")
			if err != nil {
				return nil, 0, err
			}
			progress(step+1, float64(v), time.Since(began)/time.Duration(step+1)*time.Duration(t.Steps-step-1))
		}
	}
	accuracy, err := proxyAccuracy(ctx, params, device, t.Seed+1, max(t.PerClass/4, 1))
	return params, accuracy, err
}

// drawProxy draws so many pictures of every class.
func drawProxy(ctx context.Context, seed uint64, count, size int) ([][]*dataset.Image, error) {
	classes := proxyClasses()
	images, errs := make([][]*dataset.Image, len(classes)), make([]error, len(classes))
	slots := make(chan struct{}, runtime.NumCPU())
	var wg sync.WaitGroup
	for i, c := range classes {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			for index := range count {
				m, err := c.draw(seed, index, size)
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					errs[i] = err
					return
				}
				images[i] = append(images[i], m)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return images, nil
}

// augment cuts a square out of a picture, turns and mirrors it, and changes its
// light, colors and noise.
func augment(m *dataset.Image, rng *rand.Rand, to []float32) {
	left, top := rng.IntN(m.Width-proxySize+1), rng.IntN(m.Height-proxySize+1)
	turn := rng.IntN(8)
	var gain [3]float32
	light := 0.75 + 0.5*rng.Float32()
	for c := range gain {
		gain[c] = light * (0.92 + 0.16*rng.Float32())
	}
	sigma := 0.04 * rng.Float32()
	for y := range proxySize {
		for x := range proxySize {
			u, v := x, y
			if turn&1 != 0 {
				u = proxySize - 1 - u
			}
			if turn&2 != 0 {
				v = proxySize - 1 - v
			}
			if turn&4 != 0 {
				u, v = v, u
			}
			pixel := m.Pix[3*((top+v)*m.Width+left+u):][:3]
			noise := sigma * float32(rng.NormFloat64())
			for c, p := range pixel {
				to[(c*proxySize+y)*proxySize+x] = min(max(float32(p)/127.5*gain[c]-1+noise, -1), 1)
			}
		}
	}
}

func proxyAccuracy(ctx context.Context, params *nn.ParamSet, device *exec.CPU, seed uint64, count int) (float64, error) {
	images, err := drawProxy(ctx, seed, count, proxySize)
	if err != nil {
		return 0, err
	}
	c := &Classifier{prepare: proxyInput, size: proxySize, params: params, device: device, build: proxyNetwork}
	right, all := 0, 0
	for class, set := range images {
		logits, _, err := c.Classify(ctx, set)
		if err != nil {
			return 0, err
		}
		for _, row := range logits {
			best := 0
			for k, v := range row {
				if v > row[best] {
					best = k
				}
			}
			if all++; best == class {
				right++
			}
		}
	}
	return float64(right) / float64(all), nil
}
