// Package memory knows how much memory this process can still take.
package memory

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
)

// unknown is assumed where the system does not tell.
const unknown = 4 << 30

// Free is the memory in bytes that processes can take without swapping, within
// the limit of the control group that this one runs in (a container's, a batch
// job's).
func Free() int64 {
	free := int64(unknown)
	if f, err := os.Open("/proc/meminfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var kib int64
			if _, err := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); err == nil {
				free = kib << 10
			}
		}
	}
	groups, _ := os.ReadFile("/proc/self/cgroup")
	return min(free, groupFree("/sys/fs/cgroup", groups))
}

// groupFree is what the control groups leave, the lists of which are as in
// /proc/self/cgroup. A group is bound by those above it too.
func groupFree(root string, groups []byte) int64 {
	free := int64(1) << 62
	for line := range bytes.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir, limit, usage := root, "memory.max", "memory.current"
		switch {
		case strings.Contains(parts[1], "memory"): // version 1
			dir, limit, usage = path.Join(root, "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"
		case parts[1] != "":
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			most, ok1 := number(path.Join(dir, group, limit))
			used, ok2 := number(path.Join(dir, group, usage))
			if ok1 && ok2 {
				// Pages of files that were read count as used, and can go.
				cached := statistic(path.Join(dir, group, "memory.stat"), "inactive_file")
				free = min(free, max(most-used+cached, 0))
			}
			if group == "/" {
				break
			}
		}
	}
	return free
}

// number reads a file that holds one number; "max" is none.
func number(file string) (int64, bool) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	return n, err == nil
}

func statistic(file, name string) int64 {
	raw, _ := os.ReadFile(file)
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}
