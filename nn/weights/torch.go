package weights

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// A storage is the memory behind some tensors.
type storage struct {
	dtype   DType
	numel   int
	from    io.ReaderAt // nil until it is known where it lies
	at      int64
	tensors []*Tensor
}

// persistentID reads the reference ("storage", type, key, location, numel).
func persistentID(id tuple) (dtype DType, key string, numel int, err error) {
	if len(id) < 5 || id[0] != "storage" {
		return "", "", 0, errors.New("the pickle refers to something that is no storage")
	}
	g, ok1 := id[1].(global)
	key, ok2 := id[2].(string)
	numel, err = toInt(id[4])
	dtype, known := storages[g.name]
	if !ok1 || !ok2 || !known || err != nil || numel < 0 {
		return "", "", 0, fmt.Errorf("the pickle refers to a storage by %v", id)
	}
	return dtype, key, numel, nil
}

// smallTensor is what a tensor may always take, however small the file:
// repeated elements (stride 0) are legitimate.
const smallTensor = 1 << 20

func newUnpickler(r io.Reader, size, fileSize int64) *unpickler {
	return &unpickler{in: bufio.NewReader(r), left: size, limit: max(fileSize, smallTensor)}
}

// maxPickle bounds the object in a zip file, whose tensors lie beside it.
const maxPickle = 1 << 30

// readZip reads the format of PyTorch 1.6 and later: a zip file with
// NAME/data.pkl and a record NAME/data/KEY for each storage.
func readZip(f io.ReaderAt, fileSize int64) (*File, error) {
	z, err := zip.NewReader(f, fileSize)
	if err != nil {
		return nil, fmt.Errorf("%w: the file is cut or damaged", err)
	}
	records := make(map[string]*zip.File)
	var pkl *zip.File
	for _, r := range z.File {
		if strings.HasSuffix(r.Name, "/data.pkl") && strings.Count(r.Name, "/") == 1 {
			pkl = r
		}
		records[r.Name] = r
	}
	if pkl == nil {
		return nil, errors.New("a zip file without data.pkl: not a PyTorch checkpoint")
	}
	place := func(r *zip.File) (int64, error) {
		if r.Method != zip.Store {
			return 0, fmt.Errorf("record %s is compressed, which PyTorch does not do: save the checkpoint again with torch.save", r.Name)
		}
		at, err := r.DataOffset()
		if err != nil || at < 0 || r.UncompressedSize64 > uint64(fileSize) || at > fileSize-int64(r.UncompressedSize64) {
			return 0, fmt.Errorf("record %s lies outside of the file", r.Name)
		}
		return at, nil
	}
	at, err := place(pkl)
	if err != nil {
		return nil, err
	}
	length := int64(pkl.UncompressedSize64)
	if length > maxPickle {
		return nil, fmt.Errorf("data.pkl has %d bytes, more than the %d that are read", length, maxPickle)
	}
	prefix := strings.TrimSuffix(pkl.Name, "data.pkl")
	known := make(map[string]*storage)
	u := newUnpickler(io.NewSectionReader(f, at, length), length, fileSize)
	u.persistent = func(id tuple) (any, error) {
		dtype, key, numel, err := persistentID(id)
		if err != nil {
			return nil, err
		}
		if s, ok := known[key]; ok && s.dtype == dtype && s.numel == numel {
			return s, nil
		}
		r, ok := records[prefix+"data/"+key]
		if !ok {
			return nil, fmt.Errorf("record data/%s is missing", key)
		}
		at, err := place(r)
		if err != nil {
			return nil, err
		}
		if uint64(numel) > r.UncompressedSize64/uint64(dtype.Size()) {
			return nil, fmt.Errorf("record data/%s has %d bytes, too few for %d elements of %s", key, r.UncompressedSize64, numel, dtype)
		}
		s := &storage{dtype: dtype, numel: numel, from: f, at: at}
		known[key] = s
		return s, nil
	}
	root, err := u.load()
	if err != nil {
		return nil, err
	}
	return newTorchFile("torch-zip", root)
}

// readLegacy reads the format before PyTorch 1.6: five pickles (magic number,
// protocol, system, object, storage keys), then the storages.
func readLegacy(f io.ReaderAt, fileSize int64) (*File, error) {
	u := newUnpickler(io.NewSectionReader(f, 0, fileSize), fileSize, fileSize)
	known := make(map[string]*storage)
	u.persistent = func(id tuple) (any, error) {
		if len(id) >= 2 && id[0] == "module" { // a class with its source, which is not looked at
			if g, ok := id[1].(global); ok {
				return g, nil
			}
		}
		dtype, key, numel, err := persistentID(id)
		if err != nil {
			return nil, err
		}
		if int64(numel) > fileSize/int64(dtype.Size()) {
			return nil, fmt.Errorf("storage %s of %d elements is larger than the file", key, numel)
		}
		s, ok := known[key]
		if !ok {
			s = &storage{dtype: dtype, numel: numel}
			known[key] = s
		} else if s.dtype != dtype || s.numel != numel {
			return nil, fmt.Errorf("storage %s is described in two ways", key)
		}
		return s, nil
	}
	magic, _ := new(big.Int).SetString("1950a86a20f9469cfc6c", 16)
	var parts [5]any
	for i := range parts {
		var err error
		if parts[i], err = u.load(); err != nil {
			return nil, err
		}
		if n, ok := parts[0].(*big.Int); !ok || n.Cmp(magic) != 0 {
			return nil, errors.New("no magic number at the start: not a PyTorch checkpoint")
		}
	}
	keys, ok := parts[4].(*list)
	if !ok || len(keys.items) != len(known) {
		return nil, errors.New("the list of storages does not fit the object")
	}
	at := fileSize - u.left
	for _, k := range keys.items {
		key, _ := k.(string)
		s := known[key]
		if s == nil || s.from != nil {
			return nil, fmt.Errorf("the list of storages names %v, which the object does not have once", k)
		}
		var n [8]byte
		if at > fileSize-8 {
			return nil, errCut
		}
		if _, err := f.ReadAt(n[:], at); err != nil {
			return nil, err
		}
		if got := int64(binary.LittleEndian.Uint64(n[:])); got != int64(s.numel) {
			return nil, fmt.Errorf("storage %s has %d elements in one place and %d in another", key, s.numel, got)
		}
		at += 8
		bytes := int64(s.numel) * int64(s.dtype.Size())
		if bytes > fileSize-at {
			return nil, fmt.Errorf("storage %s is cut off", key)
		}
		s.from, s.at = f, at
		for _, t := range s.tensors {
			t.from, t.at = f, at
		}
		at += bytes
	}
	return newTorchFile("torch-legacy", parts[3])
}

func newTorchFile(format string, root any) (*File, error) {
	out := &File{Format: format, root: root}
	top := entries(root)
	if top != nil {
		if inner := top.get("state_dict"); entries(inner) != nil {
			root = inner
		}
	}
	err := out.flatten("", root, 0)
	if err != nil {
		return nil, err
	}
	if len(out.Tensors) == 0 && root != nil {
		if _, ok := root.(opaque); ok {
			return nil, errors.New("the checkpoint holds an object of a training framework and no weights")
		}
	}
	return out, nil
}

// entries are the members of a dict, an OrderedDict or a ParameterDict.
func entries(v any) *dict {
	switch d := v.(type) {
	case *dict:
		return d
	case *ordered:
		return &d.dict
	case *module:
		return entries(d.state.get("_parameters"))
	}
	return nil
}

// maxDepth bounds nested names.
const maxDepth = 32

// flatten lists the tensors below v by their dotted names.
func (f *File) flatten(name string, v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("dicts are nested more than %d deep", maxDepth)
	}
	switch t := v.(type) {
	case *Tensor:
		named := *t
		named.Name = name
		f.Tensors = append(f.Tensors, &named)
		return nil
	case *parameter:
		return f.flatten(name, t.Tensor, depth)
	}
	d := entries(v)
	if d == nil {
		return nil
	}
	for i, k := range d.keys {
		key, ok := k.(string)
		if !ok {
			continue
		}
		if name != "" {
			key = name + "." + key
		}
		if err := f.flatten(key, d.values[i], depth+1); err != nil {
			return err
		}
	}
	return nil
}
