package ldm

import "strings"

// photos are the prompts of textual inversion (Gal et al. 2023), with X for the
// placeholder.
var photos = []string{
	"a photo of a X", "a rendering of a X", "a cropped photo of the X", "the photo of a X", "a photo of a clean X",
	"a photo of a dirty X", "a dark photo of the X", "a photo of my X", "a photo of the cool X", "a close-up photo of a X",
	"a bright photo of the X", "a cropped photo of a X", "a photo of the X", "a good photo of the X", "a photo of one X",
	"a close-up photo of the X", "a rendition of the X", "a photo of the clean X", "a rendition of a X", "a photo of a nice X",
	"a good photo of a X", "a photo of the nice X", "a photo of the small X", "a photo of the weird X", "a photo of the large X",
	"a photo of a cool X", "a photo of a small X",
}

// Prompts are the 81 prompts that training and generation draw from uniformly. As in
// the released code, those that do not begin with "a photo" are there three times.
func Prompts() []string {
	var prompts []string
	for _, kind := range []string{"a photo", "an illustration", "a depiction"} {
		for _, p := range photos {
			if rest, ok := strings.CutPrefix(p, "a photo"); ok {
				p = kind + rest
			}
			prompts = append(prompts, strings.Replace(p, "X", Placeholder, 1))
		}
	}
	return prompts
}
