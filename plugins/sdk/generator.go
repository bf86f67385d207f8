// Package sdk is the contract between anobench and the anomaly image
// generators it measures. A plugin author implements Generator, calls Serve
// from main, and checks the result with package sdktest; nothing else of
// anobench needs to be imported.
package sdk

import (
	"context"
	"time"
)

// A Generator learns from a few defect images with masks and makes more.
//
// The harness calls the methods of one process in the order Describe, then any
// number of Fit and Generate; never two at once. All of them MUST be
// deterministic in their arguments: the same set, options and seeds give the
// same bytes, whatever ran before and however many processors there are.
// They MUST return soon after ctx is cancelled. They may write to standard
// error at any time (it becomes the plugin's log) and never need standard
// output.
type Generator interface {
	// Describe says who the generator is and what it can do. It MUST be cheap:
	// no weights are loaded, no device is opened.
	Describe() Description

	// Fit learns from req.Set and leaves all that Generate needs in the folder
	// req.Checkpoint, which exists and may hold a part-done earlier attempt to go
	// on from. Generators whose Capabilities.NeedsFit is false are never
	// asked; embed NoFit to satisfy the interface.
	Fit(ctx context.Context, req *FitRequest, progress func(Progress)) error

	// Generate makes req.Count samples and passes them to emit in ascending
	// Index, from one goroutine. An error from emit ends the call: return it.
	Generate(ctx context.Context, req *Request, emit func(*Sample) error) error
}

// An Estimator is a generator that can tell what its work would cost. It is asked
// before anything long begins, and MUST be cheap, as Describe: no weights are loaded.
type Estimator interface {
	// Estimate is for one category with so many defects, at a size of images in
	// pixels, with complete and valid options. An error means that the work cannot
	// be done with them: a weight file of another network, options that do not go
	// together.
	Estimate(opts Options, width, height, defects int) (Estimate, error)
}

// An Estimate is what a generator's work would cost on this machine.
type Estimate struct {
	Parameters int64         // of its networks; 0: none
	Memory     int64         // bytes of its process at most
	Fit        time.Duration // of a category
	Sample     time.Duration // of one
	// Needs says what is not given without which the work cannot be done, and where
	// it is to be had: weights. Empty if nothing is. Runs are refused with it.
	Needs string
}

// A Description is what a generator publishes about itself.
type Description struct {
	Name         string // lower case, digits and hyphens: "crop-paste"
	Method       string // name in the paper's tables: "Crop&Paste"
	Version      string // changes whenever the output for the same input changes
	Paper        string // citation or link, may be empty
	Summary      string // one sentence
	Capabilities Capabilities
	Options      []Option // schema of the options, validated by the harness
}

// Capabilities tell the harness what not to ask.
type Capabilities struct {
	NeedsFit      bool // Fit must run before Generate
	MakesMasks    bool // samples carry masks: can train a localizer
	DefectAware   bool // makes a given defect type; false: Request.Defect is empty
	UsesGPU       bool
	SelfContained bool // brings its own pairs: needs no few-shot images (Folder)
}

// OptionType is the type of an option's value.
type OptionType string

const (
	Bool   OptionType = "bool"
	Int    OptionType = "int"
	Float  OptionType = "float"
	String OptionType = "string"
	Path   OptionType = "path" // existing file or folder; made absolute by the harness
	// Names of defects, or category/defect, with commas between them; the harness sees
	// to it that the data set has them.
	Defects OptionType = "defects"
)

// An Option is one entry of a generator's option schema.
type Option struct {
	Name    string
	Type    OptionType
	Default string   // textual, parsed as Type; "" is valid for String, Path and Defects only
	Choices []string // allowed values, empty: any
	Min     string   // inclusive bounds for Int and Float, "" for none
	Max     string
	Help    string // one sentence; says unit and source
	// GenerateOnly says that Fit does not look at it: what was learned serves for
	// every value.
	GenerateOnly bool
}

// A FewShotSet is what a generator may learn from: one category at one size.
type FewShotSet struct {
	Category string
	Normals  []Image  // anomaly-free training images
	Defects  []Defect // the training third of each defect, sorted by name
}

// A Defect is one kind of anomaly with its few examples.
type Defect struct {
	Name  string
	Pairs []Pair
}

// A Pair is a defect image with its mask.
type Pair struct {
	Image Image
	Mask  Mask
}

// An Image is 8-bit RGB, interleaved, rows top to bottom: len(Pix) is
// 3*Width*Height. ID names the source file in the data set.
type Image struct {
	ID            string
	Width, Height int
	Pix           []byte
}

// A Mask is 8-bit, one channel: len(Pix) is Width*Height. 0 is normal, 255 is
// anomalous; nothing else occurs.
type Mask struct {
	Width, Height int
	Pix           []byte
}

// A FitRequest says what to learn from.
type FitRequest struct {
	Set        *FewShotSet
	Options    Options // complete: defaults filled in, validated
	Checkpoint string  // folder
	Seed       uint64  // the run's, 1 unless asked otherwise; the only source of randomness
}

// A Request asks for Count samples with indices First, First+1, ...
type Request struct {
	Set        *FewShotSet
	Defect     string // wanted defect type; empty for class-agnostic generators
	Width      int    // wanted size of image and mask in pixels
	Height     int
	First      int
	Count      int
	Seeds      []uint64 // one a sample; the only source of randomness
	Options    Options  // complete: defaults filled in, validated
	Checkpoint string   // folder that Fit wrote, empty if NeedsFit is false
}

// A Sample is one generated image-mask pair.
type Sample struct {
	Index  int
	Seed   uint64
	Image  Image
	Mask   *Mask  // nil if MakesMasks is false
	Source string // ID of the normal image it was made from, may be empty
}

// Progress is reported by Fit; Total 0 means unknown.
type Progress struct {
	Done, Total int
	Loss        float64 // NaN if there is none
	Message     string
}
