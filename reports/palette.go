package reports

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// palette are the colors of methods on light and on dark ground.
var palette = [...]struct{ light, dark string }{
	{"#2a6fbb", "#6ea8e8"}, {"#d9772b", "#f0a266"}, {"#3a9360", "#6cc795"}, {"#b5495b", "#e58795"},
	{"#7a5bb0", "#b39be0"}, {"#8c6b3f", "#cda877"}, {"#2b98a6", "#68cbd8"}, {"#8a8f99", "#b4b9c4"},
}

// A hue is how a method is drawn wherever it appears: a color of the palette, and
// after the last one the first again, Second: dashed lines and pale bars.
type hue struct {
	index  int
	second bool
}

// hueOf is the hue of a method by its place among the page's methods.
func hueOf(methods []string, method string) hue {
	i := max(slices.Index(methods, method), 0)
	return hue{i % len(palette), i/len(palette)%2 == 1}
}

// class is the hue as classes of page.css.
func (h hue) class() string {
	if h.second {
		return fmt.Sprintf("c%d second", h.index)
	}
	return fmt.Sprintf("c%d", h.index)
}

// paletteCSS defines the classes c0, c1, ... of the palette.
func paletteCSS() template.CSS {
	var b strings.Builder
	for i, c := range palette {
		fmt.Fprintf(&b, ".c%d { color: light-dark(%s, %s); }\n", i, c.light, c.dark)
	}
	return template.CSS(b.String())
}
