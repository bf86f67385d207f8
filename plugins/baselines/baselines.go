// Package baselines holds the generators that anobench brings along:
// Crop&Paste, CutPaste, DRAEM, PRN, and Folder, which reads finished pairs.
//
// All of them work on 8-bit pictures of the requested size and take every
// random choice of a sample from the seed of that sample alone.
package baselines

import "github.com/anobench/anobench/plugins/sdk"

// All returns every generator, in the order of the paper's tables; Folder,
// which is no method, comes last.
func All() []sdk.Generator {
	return []sdk.Generator{&cropPaste{}, &cutPaste{}, &draem{}, &prn{}, &folder{}}
}

// Lookup returns the generator of that name.
func Lookup(name string) (sdk.Generator, bool) {
	for _, g := range All() {
		if g.Describe().Name == name {
			return g, true
		}
	}
	return nil, false
}
