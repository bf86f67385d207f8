package weights

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// fuzz reads damaged checkpoints: no input may crash the reader, take memory out
// of proportion or give a tensor that cannot be read.
func fuzz(f *testing.F, read func(r io.ReaderAt, size int64) (*File, error)) {
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, x := range file.Tensors {
			values, err := x.Float64s()
			if err == nil && len(values) != x.Len() {
				t.Errorf("tensor %s of shape %v has %d values", x.Name, x.Shape, len(values))
			}
		}
	})
}

// seeds adds the small checkpoints of the format among testdata.
func seeds(f *testing.F, names ...string) {
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

func FuzzSafetensors(f *testing.F) {
	header := `{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"h":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}`
	f.Add(append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), make([]byte, 10)...))
	fuzz(f, readSafetensors)
}

func FuzzTorchZip(f *testing.F) {
	seeds(f, "checkpoint.pth")
	fuzz(f, readZip)
}

func FuzzTorchLegacy(f *testing.F) {
	seeds(f, "legacy.ckpt")
	fuzz(f, readLegacy)
}

// FuzzPickle starts where the object begins, without a file format around it.
func FuzzPickle(f *testing.F) {
	f.Add([]byte("\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s."))
	f.Add([]byte("\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01."))
	f.Add([]byte("\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x00((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR."))
	f.Fuzz(func(t *testing.T, data []byte) {
		u := newUnpickler(bytes.NewReader(data), int64(len(data)), int64(len(data)))
		u.persistent = func(id tuple) (any, error) {
			dtype, _, numel, err := persistentID(id)
			if err != nil {
				return nil, err
			}
			return &storage{dtype: dtype, numel: min(numel, 1<<10), from: bytes.NewReader(make([]byte, 8<<10))}, nil
		}
		root, err := u.load()
		if err != nil {
			return
		}
		file, err := newTorchFile("pickle", root)
		if err != nil {
			return
		}
		for _, x := range file.Tensors {
			x.Float64s()
		}
	})
}
