// Command gallery draws what AnomalyDiffusion makes of categories: for each a sheet of
// real defects, the normal images and masks that it was given, and its images.
//
//	go run ./bench/gallery -out docs/gallery
//	go run ./bench/gallery -data DIR -size 128 -out /tmp/gallery -o steps=15
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/png"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/anobench/anobench/dataset"
	"github.com/anobench/anobench/dataset/synth"
	"github.com/anobench/anobench/harness"
	"github.com/anobench/anobench/plugins/anomalydiffusion"
	"github.com/anobench/anobench/plugins/sdk"
	"github.com/anobench/anobench/reports"
)

func main() {
	log.SetFlags(0)
	data := flag.String("data", "", "folder of a data set in MVTec AD's layout (default: the embedded one)")
	size := flag.Int("size", 64, "side of images in pixels")
	each := flag.Int("each", 4, "pictures of a defect")
	out := flag.String("out", "", "folder for the sheets")
	given := map[string]string{}
	flag.Func("o", "option of the generator, `name=value`; may be given again", func(s string) error {
		name, v, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("want name=value")
		}
		given[name] = v
		return nil
	})
	flag.Parse()
	if *out == "" || *each < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := draw(ctx, *data, *size, *each, given, *out); err != nil {
		log.Fatal("gallery: ", err)
	}
}

// draw writes a sheet for each category of a data set.
func draw(ctx context.Context, data string, size, each int, given map[string]string, out string) error {
	if data == "" {
		dir, err := os.MkdirTemp("", "gallery")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		config := synth.DefaultConfig()
		config.Size = size
		if err := synth.Write(dir, config); err != nil {
			return err
		}
		data = dir
	}
	set, _, err := dataset.Open(data)
	if err != nil {
		return err
	}
	g := anomalydiffusion.All()[0]
	options, err := sdk.ValidateOptions(g.Describe().Options, given)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	for i := range set.Categories {
		c := &set.Categories[i]
		s, err := sheet(ctx, g, options, c, size, each)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		f, err := os.Create(filepath.Join(out, c.Name+".png"))
		if err != nil {
			return err
		}
		if err := png.Encode(f, s.Render()); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		fmt.Println(f.Name())
	}
	return nil
}

// sheet fits the generator to a category and draws what it makes.
func sheet(ctx context.Context, g sdk.Generator, options sdk.Options, c *dataset.Category, size, each int) (*reports.ContactSheet, error) {
	few, err := harness.FewShot(c, c.Split(dataset.SplitPaper), size)
	if err != nil {
		return nil, err
	}
	checkpoint, err := os.MkdirTemp("", "gallery")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(checkpoint)
	if err := g.Fit(ctx, &sdk.FitRequest{Set: few, Options: options, Checkpoint: checkpoint, Seed: 1}, func(sdk.Progress) {}); err != nil {
		return nil, err
	}
	normals := map[string]*sdk.Image{}
	for i := range few.Normals {
		normals[few.Normals[i].ID] = &few.Normals[i]
	}
	real, normal, masks, made := reports.SheetRow{Label: "real defects"}, reports.SheetRow{Label: "normal images"}, reports.SheetRow{Label: "masks"}, reports.SheetRow{Label: "made"}
	for k, d := range few.Defects {
		for i := range each {
			p := &d.Pairs[i%len(d.Pairs)]
			real.Tiles = append(real.Tiles, reports.SheetTile{Image: rgba(&p.Image), Mask: gray(&p.Mask), Caption: d.Name})
		}
		request := &sdk.Request{Set: few, Defect: d.Name, Width: size, Height: size, Count: each, Options: options, Checkpoint: checkpoint}
		for i := range each {
			request.Seeds = append(request.Seeds, uint64(1000*k+i))
		}
		err := g.Generate(ctx, request, func(s *sdk.Sample) error {
			source := normals[s.Source]
			if source == nil {
				return fmt.Errorf("a sample's source is %q", s.Source)
			}
			normal.Tiles = append(normal.Tiles, reports.SheetTile{Image: rgba(source), Caption: d.Name})
			masks.Tiles = append(masks.Tiles, reports.SheetTile{Image: gray(s.Mask), Caption: d.Name})
			made.Tiles = append(made.Tiles, reports.SheetTile{Image: rgba(&s.Image), Caption: d.Name})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return &reports.ContactSheet{Tile: 96, Rows: []reports.SheetRow{real, normal, masks, made}}, nil
}

func rgba(m *sdk.Image) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		copy(out.Pix[4*i:], m.Pix[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

func gray(m *sdk.Mask) *image.Gray {
	return &image.Gray{Pix: m.Pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
}
