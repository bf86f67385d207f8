package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/anobench/anobench/dataset"
)

// truncate FILE BYTES cuts a file.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE BYTES")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// numbers reads the arguments WIDTH HEIGHT VALUE...: one value for each pixel,
// or one for all.
func numbers(ts *testscript.TestScript, args []string) (w, h int, values []float64) {
	var all []float64
	for _, a := range args {
		v, err := strconv.ParseFloat(a, 64)
		ts.Check(err)
		all = append(all, v)
	}
	if len(all) < 3 {
		ts.Fatalf("want WIDTH HEIGHT VALUE...")
	}
	w, h, values = int(all[0]), int(all[1]), all[2:]
	for len(values) < w*h {
		values = append(values, values[len(values)-1])
	}
	return w, h, values
}

// create makes a file's folder and the file.
func create(ts *testscript.TestScript, name string, content []byte) {
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, content, 0o666))
}

// gray FILE WIDTH HEIGHT VALUE... writes a gray PNG of 8 bits.
func gray(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: gray FILE WIDTH HEIGHT VALUE...")
	}
	w, h, values := numbers(ts, args[1:])
	m := &dataset.Mask{Width: w, Height: h}
	for _, v := range values {
		m.Pix = append(m.Pix, uint8(v))
	}
	create(ts, args[0], nil)
	ts.Check(dataset.WriteMask(ts.MkAbs(args[0]), m))
}

// npy FILE TYPE WIDTH HEIGHT VALUE... writes a NumPy array of type f4 or f8.
func npy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: npy FILE TYPE WIDTH HEIGHT VALUE...")
	}
	w, h, values := numbers(ts, args[2:])
	var b bytes.Buffer
	header := fmt.Sprintf("{'descr': '<%s', 'fortran_order': False, 'shape': (%d, %d), }", args[1], h, w)
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(118))
	fmt.Fprintf(&b, "%-117s\n", header)
	for _, v := range values {
		if args[1] == "f8" {
			binary.Write(&b, binary.LittleEndian, v)
		} else {
			binary.Write(&b, binary.LittleEndian, float32(v))
		}
	}
	create(ts, args[0], b.Bytes())
}

// pairs DIR EXT COUNT writes generated pairs of 32 x 32: gray images with a
// bright square each.
func pairs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: pairs DIR EXT COUNT")
	}
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	const size = 32
	for i := range count {
		img := &dataset.Image{Width: size, Height: size, Pix: bytes.Repeat([]byte{100}, 3*size*size)}
		mask := &dataset.Mask{Width: size, Height: size, Pix: make([]byte, size*size)}
		for y := 4 + i; y < 16; y++ {
			for x := 4; x < 16; x++ {
				mask.Pix[y*size+x], img.Pix[3*(y*size+x)] = 255, 250
			}
		}
		for _, sub := range []string{"image", "mask"} {
			ts.Check(os.MkdirAll(ts.MkAbs(filepath.Join(args[0], sub)), 0o777))
		}
		name := strconv.Itoa(i) + args[1]
		ts.Check(dataset.WriteImage(ts.MkAbs(filepath.Join(args[0], "image", name)), img))
		ts.Check(dataset.WriteMask(ts.MkAbs(filepath.Join(args[0], "mask", name)), mask))
	}
}
