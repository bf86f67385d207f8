package memory

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFree(t *testing.T) {
	if free := Free(); free < 1<<20 || free > 1<<50 {
		t.Errorf("%d bytes are free", free)
	}
}

func TestGroupFree(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("job/memory.max", "8000\n")
	write("job/memory.current", "3000\n")
	write("job/step/memory.max", "max\n")
	write("job/step/memory.current", "2000\n")
	write("tight/memory.max", "5000\n")
	write("tight/memory.current", "4500\n")
	write("tight/memory.stat", "anon 100\ninactive_file 300\n")
	write("memory/old/memory.limit_in_bytes", "600\n")
	write("memory/old/memory.usage_in_bytes", "500\n")
	const none = 1 << 62
	for groups, want := range map[string]int64{
		"0::/job/step\n":                       5000, // the group above bounds
		"0::/tight\n":                          800,  // file pages can go
		"4:cpu:/old\n3:cpu,memory:/old\n":      100,
		"0::/elsewhere\n":                      none,
		"":                                     none,
		"0::/job\n7:memory:/old\n2:cpu:/job\n": 100,
	} {
		if got := groupFree(root, []byte(groups)); got != want {
			t.Errorf("%q: %d, want %d", groups, got, want)
		}
	}
}
