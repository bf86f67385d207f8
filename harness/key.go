package harness

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
)

// hashOf is the hash of a value's JSON, which is the same for equal values.
func hashOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data always marshal
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// seedFor derives a seed from a run's seed and names, so that adding a
// generator, category, defect or image changes no other seed.
func seedFor(run uint64, names ...string) uint64 {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, run)
	for _, n := range names {
		binary.Write(&b, binary.LittleEndian, uint32(len(n)))
		b.WriteString(n)
	}
	sum := sha256.Sum256(b.Bytes())
	return binary.LittleEndian.Uint64(sum[:])
}
