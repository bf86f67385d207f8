package downstream

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/anobench/anobench/nn"
)

// Save writes the localizer's state_dict as safetensors.
func (l *Localizer) Save(path string) error {
	header := map[string]any{"__metadata__": map[string]string{"size": strconv.Itoa(l.size), "base_width": strconv.Itoa(l.network.Base)}}
	var body bytes.Buffer
	for _, t := range l.params.Tensors() {
		dtype := "F32"
		if _, ok := t.Data.([]int64); ok {
			dtype = "I64"
		}
		at := body.Len()
		if err := binary.Write(&body, binary.LittleEndian, t.Data); err != nil {
			return err
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		header[t.Name] = map[string]any{"dtype": dtype, "shape": shape, "data_offsets": []int{at, body.Len()}}
	}
	js, err := json.Marshal(header)
	if err != nil {
		return err
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(js)))
	return os.WriteFile(path, append(append(out, js...), body.Bytes()...), 0o666)
}

// LoadLocalizer reads what Save wrote.
func LoadLocalizer(path string, threads int) (*Localizer, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(raw)
	var header map[string]json.RawMessage
	if err := json.Unmarshal(raw[8:8+n], &header); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var meta map[string]string
	json.Unmarshal(header["__metadata__"], &meta)
	size, _ := strconv.Atoi(meta["size"])
	base, _ := strconv.Atoi(meta["base_width"])
	l := newLocalizer(LocalizerConfig{Size: size, BaseWidth: base, Threads: threads})
	if _, err := l.trainer(scoreBatch); err != nil {
		return nil, err
	}
	var tensors []nn.Tensor
	for name, h := range header {
		if name == "__metadata__" {
			continue
		}
		var e struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}
		if err := json.Unmarshal(h, &e); err != nil {
			return nil, err
		}
		b := raw[8+int(n)+e.Offsets[0] : 8+int(n)+e.Offsets[1]]
		var data any = make([]float32, len(b)/4)
		if e.DType == "I64" {
			data = make([]int64, len(b)/8)
		}
		binary.Read(bytes.NewReader(b), binary.LittleEndian, data)
		tensors = append(tensors, nn.Tensor{Name: name, Shape: e.Shape, Data: data})
	}
	_, err = l.params.Load(tensors)
	return l, err
}
