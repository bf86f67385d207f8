package host

import (
	"os"
	"path"
	"strings"
)

// inherited are the environment variables that plugins get from the harness,
// as patterns: what a program needs to find its libraries, devices, caches and
// proxies. Tokens and keys that happen to be around are none of their business.
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_*", "TZ", "XDG_*",
	"LD_LIBRARY_PATH", "DYLD_*", "CUDA_*", "NVIDIA_*", "ROCR_*", "HIP_*",
	"GOMAXPROCS", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR",
	"OMP_*", "MKL_*", "OPENBLAS_*",
	"PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "HF_HOME", "TORCH_HOME",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
}

func inheritedEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		for _, pattern := range inherited {
			if ok, _ := path.Match(pattern, name); ok {
				env = append(env, kv)
				break
			}
		}
	}
	return env
}

// socketDir is where the private folders of plugin sockets go: the usual
// temporary folder, unless its name is too long for the path of a socket.
func socketDir() string {
	if dir := os.TempDir(); len(dir) <= 60 {
		return dir
	}
	return "/tmp"
}
