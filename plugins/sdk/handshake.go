package sdk

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/anobench/anobench/plugins/sdk/pb"
)

// Handshake is what harness and plugin must agree on before anything else.
// Versions of the contract are negotiated: each side offers all it knows.
var Handshake = plugin.HandshakeConfig{
	MagicCookieKey:   "ANOBENCH_PLUGIN",
	MagicCookieValue: "generator",
}

// EnvHostPID is the environment variable by which a harness tells a plugin
// whose child it is.
const EnvHostPID = "ANOBENCH_HOST_PID"

// PluginName is the name of the generator in go-plugin's plugin set.
const PluginName = "generator"

// Versions are the versions of the contract that a harness may offer; what it
// dispenses under PluginName is a *Client.
func Versions() map[int]plugin.PluginSet {
	return servedVersions(nil)
}

func servedVersions(gen Generator) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{
		1: {PluginName: &grpcPlugin{gen: gen}},
	}
}

type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	gen Generator
}

func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if p.gen == nil {
		return errors.New("no generator to serve")
	}
	pb.RegisterGeneratorServer(s, newService(p.gen))
	return nil
}

func (p *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}
