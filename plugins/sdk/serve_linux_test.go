package sdk

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A plugin ends with the harness also where no kernel or host sees to it.
func TestPluginEndsWithItsParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The shell is a harness that starts a plugin and forgets it.
	parent := exec.Command("/bin/sh", "-c", `"$0" by-hand >/dev/null 2>&1 & echo $!; read _`, self)
	parent.Env = append(os.Environ(), Handshake.MagicCookieKey+"="+Handshake.MagicCookieValue, "PLUGIN_PROTOCOL_VERSIONS=1")
	hold, err := parent.StdinPipe() // the shell waits for its end
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	alive := func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", strings.TrimSpace(pid)))
		return err == nil && !strings.Contains(string(stat), ") Z ")
	}
	time.Sleep(500 * time.Millisecond)
	if !alive() {
		t.Error("the plugin ended while its parent lived")
	}
	parent.Process.Kill()
	parent.Wait()
	for end := time.Now().Add(5 * time.Second); alive(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the plugin outlives its parent")
		}
	}
}
