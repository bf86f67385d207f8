// Package catalog knows the published weight files that numbers comparable with the
// paper's need: where they come from, and whether they are here.
package catalog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A File is a published weight file.
type File struct {
	Name   string
	For    string // what it is needed for
	URL    string
	Size   int64  // bytes; 0: not known exactly
	About  string // size for people where Size is 0
	SHA256 string // or its first digits, as file names of PyTorch carry them; empty: not published
	Text   bool   // no checkpoint: kept as it is
}

var files = []File{
	{"inception-2015-12-05", "IS, FID, KID, precision and recall", "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
		95628359, "", "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2", false},
	{"vgg16", "IC-LPIPS as released (LPIPS with VGG)", "https://download.pytorch.org/models/vgg16-397923af.pth", 0, "528 MB", "397923af", false},
	{"alexnet", "IC-LPIPS of DFMGAN (LPIPS with AlexNet)", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", 0, "233 MB", "7be5be79", false},
	{"squeezenet1_1", "LPIPS with SqueezeNet", "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth", 0, "5 MB", "b8a52dc0", false},
	{"resnet34", "the classifier of Table 4", "https://download.pytorch.org/models/resnet34-b627a593.pth", 0, "83 MB", "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f", false},
	{"resnet18", "the classifier of Table 4 as its caption has it", "https://download.pytorch.org/models/resnet18-f37072fd.pth", 0, "45 MB", "f37072fd", false},
	{LDM, "AnomalyDiffusion at the paper's scale: the latent diffusion model", "https://ommer-lab.com/files/latent-diffusion/nitro/txt2img-f8-large/model.ckpt", 0, "5.7 GB", "", false},
	{Vocabulary, "AnomalyDiffusion at the paper's scale: the tokens of prompts", "https://huggingface.co/bert-base-uncased/resolve/main/vocab.txt", 0, "0.2 MB", "", true},
}

// Names of files that generators look for.
const (
	LDM        = "txt2img-f8-large"
	Vocabulary = "bert-base-uncased"
)

// Files lists all weight files.
func Files() []File { return append([]File(nil), files...) }

// Lookup finds a file by name.
func Lookup(name string) (File, error) {
	var names []string
	for _, f := range files {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return File{}, fmt.Errorf("no weights %q: there are %s", name, strings.Join(names, ", "))
}

// Dir is the folder of weights: $ANOBENCH_WEIGHTS, else anobench/weights in the
// user's cache folder.
func Dir() string {
	if dir := os.Getenv("ANOBENCH_WEIGHTS"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "anobench", "weights")
	}
	return filepath.Join(cache, "anobench", "weights")
}

// Path is where the file is, as converted by Fetch, or under its published name;
// empty if it is not there.
func (f File) Path(dir string) (string, error) {
	for _, name := range []string{f.converted(), filepath.Base(f.URL)} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		} else if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

func (f File) converted() string {
	if f.Text {
		return f.Name + filepath.Ext(f.URL)
	}
	return f.Name + ".safetensors"
}

// SizeText is the size for people.
func (f File) SizeText() string {
	if f.Size > 0 {
		return fmt.Sprintf("%d MB", (f.Size+5e5)/1e6)
	}
	return f.About
}
