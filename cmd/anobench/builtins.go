package main

import (
	"github.com/anobench/anobench/plugins/anomalydiffusion"
	"github.com/anobench/anobench/plugins/baselines"
	"github.com/anobench/anobench/plugins/sdk"
)

// builtins are the generators that this program serves itself.
func builtins() []sdk.Generator { return append(anomalydiffusion.All(), baselines.All()...) }

func lookupBuiltin(name string) (sdk.Generator, bool) {
	for _, g := range builtins() {
		if g.Describe().Name == name {
			return g, true
		}
	}
	return nil, false
}
