package sdk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Serve makes the running program a plugin: it serves gen to the harness that
// started it and does not return. It is all that the main of a plugin needs:
//
//	func main() { sdk.Serve(myGenerator{}) }
//
// From then on standard output is standard error, so that prints cannot
// disturb the protocol, and the process ends, with its children, when the
// harness does. Run by hand it prints what the program is and exits with
// status 1.
func Serve(gen Generator) {
	if os.Getenv(Handshake.MagicCookieKey) != Handshake.MagicCookieValue {
		explain(gen.Describe())
		os.Exit(1)
	}
	watchHost()
	stderr := os.Stderr
	handshake, err := divertStdout()
	if err != nil {
		fmt.Fprintf(stderr, "plugin: cannot divert standard output: %v\n", err)
		os.Exit(1)
	}
	os.Stdout = handshake // plugin.Serve prints its line there
	var restore sync.Once
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: servedVersions(gen),
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: stderr}),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			// plugin.Serve replaces os.Stdout and os.Stderr by pipes that it
			// sends over gRPC, which would lose the last words of a crash. The
			// first call, which comes after that, puts the log back.
			log := func() { restore.Do(func() { os.Stdout, os.Stderr = stderr, stderr }) }
			return grpc.NewServer(append(opts,
				grpc.MaxRecvMsgSize(maxMessage),
				grpc.MaxSendMsgSize(maxMessage),
				grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
					log()
					return next(ctx, req)
				}),
				grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
					log()
					return next(srv, stream)
				}))...)
		},
	})
	os.Exit(0)
}

func explain(d Description) {
	program := filepath.Base(os.Args[0])
	fmt.Fprintf(os.Stderr, `%s is the anobench generator plugin %s %s (%s).
It is started by anobench and does nothing when run by hand.
To use it, name this file anobench-generator-%s, put its folder into
ANOBENCH_PLUGIN_PATH and run: anobench plugins check %s
`, program, d.Name, d.Version, d.Method, d.Name, d.Name)
}

// watchHost ends the process, and its group if it leads one, once its parent
// is no longer the harness that started it.
func watchHost() {
	host := os.Getppid()
	if id, err := strconv.Atoi(os.Getenv(EnvHostPID)); err == nil {
		host = id
	}
	go func() {
		for os.Getppid() == host {
			time.Sleep(250 * time.Millisecond)
		}
		fmt.Fprintln(os.Stderr, "the harness is gone: exiting")
		killOwnGroup()
		os.Exit(1)
	}()
}
