// Package sdktest is the conformance suite for generators: what the contract
// of package sdk demands, as checks that any author can run.
//
//	func TestGenerator(t *testing.T) { sdktest.Run(t, myGenerator{}) }
package sdktest

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/anobench/anobench/plugins/sdk"
)

// A Suite is the conformance suite with settings; its zero value is what most
// generators need.
type Suite struct {
	// Options of the generator under test beside the defaults, such as a
	// folder that it cannot do without.
	Options map[string]string

	// Set makes the few-shot sets; nil means the Set function. A generator
	// that knows only certain categories needs its own.
	Set func(w, h, normals, pairs int) *sdk.FewShotSet
}

// A Result is the outcome of one check: passed if Err is nil and Skipped empty.
type Result struct {
	Check   string // name, such as "deterministic"
	Demands string // what the contract demands, one sentence
	Err     error
	Skipped string // why the check does not apply
	Took    time.Duration
}

// Run checks gen through real gRPC inside the test process, a subtest a check.
func Run(t *testing.T, gen sdk.Generator) {
	t.Helper()
	Suite{}.Run(t, gen)
}

// Check runs the suite against gen, which may be a plugin that the harness
// started, and returns a result for every check.
func Check(ctx context.Context, gen sdk.Generator) []Result {
	return Suite{}.Check(ctx, gen)
}

// Run is like the function Run.
func (s Suite) Run(t *testing.T, gen sdk.Generator) {
	t.Helper()
	client := serve(t, gen)
	run := s.start(t.Context(), client)
	run.local = true
	defer run.close()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			r := run.do(c)
			switch {
			case r.Skipped != "":
				t.Skip(r.Skipped)
			case r.Err != nil:
				t.Errorf("%s: %v", r.Demands, r.Err)
			}
		})
	}
}

// Check is like the function Check.
func (s Suite) Check(ctx context.Context, gen sdk.Generator) []Result {
	run := s.start(ctx, gen)
	defer run.close()
	results := make([]Result, len(checks))
	for i, c := range checks {
		results[i] = run.do(c)
	}
	return results
}

// serve puts a gRPC connection in memory between the test and gen.
func serve(t *testing.T, gen sdk.Generator) sdk.Generator {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := sdk.NewServer(gen)
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return remote{sdk.NewClient(conn)}
}

// remote makes a Generator of a client: a Describe that fails is a description
// that is invalid.
type remote struct{ *sdk.Client }

func (r remote) Describe() sdk.Description {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := r.Client.Describe(ctx)
	if err != nil {
		return sdk.Description{Name: "describe failed: " + err.Error()}
	}
	return d
}
