package features

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/nn"
	"github.com/anobench/anobench/nn/exec"
	"github.com/anobench/anobench/nn/weights"
)

// The proxy network's weights, made by "anobench weights train-proxy".
//
//go:embed proxy.safetensors
var proxyWeights []byte

// proxySize is the side of the images that the proxy network classifies.
const proxySize = 64

// proxyWidths are the channels of its stages.
var proxyWidths = []int{24, 48, 80, 112}

// NewProxy returns the network that ships with the program, for use where Inception
// v3's weights are not to be had: eight convolutions trained to tell the embedded
// data set's families, their defects and procedural textures apart. docs/metrics.md
// shows how far it can be trusted.
func NewProxy(device *exec.CPU) (*Classifier, error) {
	params, id, err := proxyParams()
	if err != nil {
		return nil, err
	}
	return &Classifier{ID: id, Proxy: true, prepare: proxyInput, size: proxySize, params: params, device: device, build: proxyNetwork}, nil
}

// NewProxyLPIPS returns a distance in the manner of LPIPS by the same network: the
// squared difference of unit-length features of its four stages, averaged over
// pixels and stages, all channels alike.
func NewProxyLPIPS(device *exec.CPU) (*LPIPS, error) {
	params, id, err := proxyParams()
	if err != nil {
		return nil, err
	}
	l := &LPIPS{
		ID: "lpips-" + id, Proxy: true, scale: [3]float32{1, 1, 1}, params: params, device: device, programs: map[[3]int]*lpipsProgram{},
		taps: func(g *nn.Graph, x *nn.Node) ([]*nn.Node, error) { taps := proxyStages(g, x); return taps, g.Err() },
	}
	for _, width := range proxyWidths {
		w := make([]float32, width)
		for i := range w {
			w[i] = 0.5 // the root of a quarter
		}
		l.linear = append(l.linear, w)
	}
	return l, nil
}

// ProxyID names the proxy network and its weights.
func ProxyID() string {
	sum := sha256.Sum256(proxyWeights)
	return "proxy:" + hex.EncodeToString(sum[:6])
}

// proxyParams reads the embedded weights.
func proxyParams() (*nn.ParamSet, string, error) {
	f, err := weights.Read(bytes.NewReader(proxyWeights), int64(len(proxyWeights)))
	if err != nil {
		return nil, "", fmt.Errorf("proxy network: %w", err)
	}
	params := nn.NewParamSet(0)
	g := nn.NewGraph(params, nn.Eval)
	if _, _, err := proxyNetwork(g, g.Input("image", 1, 3, proxySize, proxySize)); err != nil {
		return nil, "", err
	}
	if err := fill(params, f); err != nil {
		return nil, "", fmt.Errorf("proxy network: %w", err)
	}
	return params, ProxyID(), nil
}

// proxyStages are the outputs of the stages for x [N, 3, H, W] in [-1, 1]: [N, 24,
// H, W], [N, 48, H/2, W/2] and so on.
func proxyStages(g *nn.Graph, x *nn.Node) []*nn.Node {
	var stages []*nn.Node
	for i, width := range proxyWidths {
		if i > 0 {
			x = g.MaxPool(x, 2)
		}
		for k := range 2 {
			name := fmt.Sprintf("stage%d.%d", i+1, k)
			x = g.ReLU(g.BatchNorm(g.Conv2D(x, name+".conv", width, nn.Pad(1), nn.NoBias()), name+".bn"))
		}
		stages = append(stages, x)
	}
	return stages
}

// proxyNetwork is the whole network: features [N, 112] and logits.
func proxyNetwork(g *nn.Graph, x *nn.Node) (features, logits *nn.Node, err error) {
	stages := proxyStages(g, x)
	features = g.GlobalAvgPool(stages[len(stages)-1])
	logits = g.Linear(features, "fc", len(proxyClasses()))
	return features, logits, g.Err()
}

// proxyInput is an image as the proxy network takes it: [3, 64, 64] in [-1, 1].
func proxyInput(m *dataset.Image) []float32 {
	if m.Width != proxySize || m.Height != proxySize {
		m = dataset.ResizePIL(m, proxySize, proxySize, dataset.Bilinear)
	}
	x := make([]float32, 3*proxySize*proxySize)
	for i := range proxySize * proxySize {
		for c := range 3 {
			x[c*proxySize*proxySize+i] = float32(m.Pix[3*i+c])/127.5 - 1
		}
	}
	return x
}
