package sdk

import (
	"fmt"
	"hash/crc32"

	"github.com/anobench/anobench/plugins/sdk/pb"
)

const (
	// maxChunk is the most pixel bytes that one picture field or chunk carries.
	maxChunk = 1 << 20
	// maxMessage bounds a gRPC message on both sides: a sample with an image
	// and a mask of maxChunk bytes each, and room to spare.
	maxMessage = 4 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// splitPicture returns the message that announces pix, and what of pix must
// follow in chunks.
func splitPicture(id string, w, h, channels int, pix []byte) (*pb.Picture, []byte) {
	n := min(len(pix), maxChunk)
	return &pb.Picture{
		Id: id, Width: uint32(w), Height: uint32(h), Channels: uint32(channels),
		Crc32C: crc32.Checksum(pix, castagnoli), Data: pix[:n],
	}, pix[n:]
}

// sendChunks passes rest to send in pieces that fit a message.
func sendChunks(rest []byte, send func(*pb.Chunk) error) error {
	for len(rest) > 0 {
		n := min(len(rest), maxChunk)
		if err := send(&pb.Chunk{Data: rest[:n]}); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// joinPicture checks the announced size before it collects what follows in
// chunks from next, and compares the checksum.
func joinPicture(p *pb.Picture, channels int, next func() (*pb.Chunk, error)) ([]byte, error) {
	w, h := int(p.GetWidth()), int(p.GetHeight())
	switch {
	case p.GetWidth() < 1 || p.GetHeight() < 1 || p.GetWidth() > MaxSide || p.GetHeight() > MaxSide:
		return nil, fmt.Errorf("size %dx%d is not possible: want 1 to %d pixels a side", p.GetWidth(), p.GetHeight(), MaxSide)
	case p.GetChannels() != uint32(channels):
		return nil, fmt.Errorf("%d channels where %d are due", p.GetChannels(), channels)
	}
	size := w * h * channels
	pix := p.GetData()
	if len(pix) > size {
		return nil, fmt.Errorf("%d bytes for %dx%d pixels of %d channels", len(pix), w, h, channels)
	}
	for len(pix) < size {
		chunk, err := next()
		if err != nil {
			return nil, fmt.Errorf("after %d of %d bytes: %w", len(pix), size, err)
		}
		data := chunk.GetData()
		if chunk == nil || len(data) == 0 || len(data) > size-len(pix) {
			return nil, fmt.Errorf("after %d of %d bytes: the next message does not carry on the picture", len(pix), size)
		}
		pix = append(pix, data...)
	}
	if sum := crc32.Checksum(pix, castagnoli); sum != p.GetCrc32C() {
		return nil, fmt.Errorf("checksum is %08x, announced was %08x", sum, p.GetCrc32C())
	}
	return pix, nil
}

func describeToWire(d Description) *pb.DescribeResponse {
	out := &pb.DescribeResponse{
		Name: d.Name, Method: d.Method, Version: d.Version, Paper: d.Paper, Summary: d.Summary,
		Capabilities: &pb.Capabilities{
			NeedsFit:      d.Capabilities.NeedsFit,
			MakesMasks:    d.Capabilities.MakesMasks,
			DefectAware:   d.Capabilities.DefectAware,
			UsesGpu:       d.Capabilities.UsesGPU,
			SelfContained: d.Capabilities.SelfContained,
		},
	}
	for _, o := range d.Options {
		out.Options = append(out.Options, &pb.Option{
			Name: o.Name, Type: string(o.Type), Default: o.Default, Choices: o.Choices,
			Min: o.Min, Max: o.Max, Help: o.Help, GenerateOnly: o.GenerateOnly,
		})
	}
	return out
}

func describeFromWire(r *pb.DescribeResponse) Description {
	c := r.GetCapabilities()
	d := Description{
		Name: r.GetName(), Method: r.GetMethod(), Version: r.GetVersion(), Paper: r.GetPaper(), Summary: r.GetSummary(),
		Capabilities: Capabilities{
			NeedsFit:      c.GetNeedsFit(),
			MakesMasks:    c.GetMakesMasks(),
			DefectAware:   c.GetDefectAware(),
			UsesGPU:       c.GetUsesGpu(),
			SelfContained: c.GetSelfContained(),
		},
	}
	for _, o := range r.GetOptions() {
		d.Options = append(d.Options, Option{
			Name: o.GetName(), Type: OptionType(o.GetType()), Default: o.GetDefault(), Choices: o.GetChoices(),
			Min: o.GetMin(), Max: o.GetMax(), Help: o.GetHelp(), GenerateOnly: o.GetGenerateOnly(),
		})
	}
	return d
}
