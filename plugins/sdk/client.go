package sdk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/anobench/anobench/plugins/sdk/pb"
)

// A Client calls a generator over a gRPC connection. Its methods are those of
// Generator with the errors that a connection can have. It is what hosts and
// the conformance suite are made of; plugin authors do not need it.
//
// It checks that what arrives is well-formed, but not that it is what was
// asked for: see Sample.Validate. It is for one goroutine at a time.
type Client struct {
	service pb.GeneratorClient
	loaded  *FewShotSet // the set that the plugin holds
	setID   string
}

// NewClient returns a client that uses conn.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{service: pb.NewGeneratorClient(conn)}
}

// callOptions bound what a plugin may send at once.
func callOptions() []grpc.CallOption {
	return []grpc.CallOption{grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)}
}

// Describe asks the generator who it is.
func (c *Client) Describe(ctx context.Context) (Description, error) {
	r, err := c.service.Describe(ctx, &pb.DescribeRequest{}, callOptions()...)
	if err != nil {
		return Description{}, fromStatus(ctx, err)
	}
	return describeFromWire(r), nil
}

// Estimate asks the generator what its work would cost; known is false where it cannot
// tell.
func (c *Client) Estimate(ctx context.Context, opts Options, width, height, defects int) (e Estimate, known bool, err error) {
	req := &pb.EstimateRequest{Options: opts, Width: uint32(width), Height: uint32(height), Defects: uint32(defects)}
	grease(req)
	r, err := c.service.Estimate(ctx, req, callOptions()...)
	if status.Code(err) == codes.Unimplemented {
		return Estimate{}, false, nil
	}
	if err != nil {
		return Estimate{}, false, fromStatus(ctx, err)
	}
	return Estimate{
		Parameters: r.GetParameters(), Memory: r.GetMemory(),
		Fit: seconds(r.GetFitSeconds()), Sample: seconds(r.GetSampleSeconds()), Needs: r.GetNeeds(),
	}, true, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// LoadSet hands set to the generator, unless that is the set it got last; nil
// is no set. Fit and Generate call it themselves; sent, if not nil, is called
// after every message. The set must not change afterwards.
func (c *Client) LoadSet(ctx context.Context, set *FewShotSet, sent func()) error {
	if set == nil || set == c.loaded {
		return nil
	}
	c.loaded = nil
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.service.LoadSet(ctx, callOptions()...)
	if err != nil {
		return fromStatus(ctx, err)
	}
	send := func(m *pb.LoadSetRequest) error {
		err := stream.Send(m)
		if err == nil && sent != nil {
			sent()
		}
		return err
	}
	id := set.id()
	if err := sendSet(set, id, send); err != nil && err != io.EOF {
		return fromStatus(ctx, err)
	}
	// After io.EOF from Send the reason comes with the answer.
	if _, err := stream.CloseAndRecv(); err != nil {
		return fromStatus(ctx, err)
	}
	c.loaded, c.setID = set, id
	return nil
}

func sendSet(set *FewShotSet, id string, send func(*pb.LoadSetRequest) error) error {
	header := &pb.SetHeader{Id: id, Category: set.Category, Normals: uint32(len(set.Normals))}
	for _, d := range set.Defects {
		header.Defects = append(header.Defects, &pb.DefectHeader{Name: d.Name, Pairs: uint32(len(d.Pairs))})
	}
	grease(header)
	if err := send(&pb.LoadSetRequest{Part: &pb.LoadSetRequest_Header{Header: header}}); err != nil {
		return err
	}
	picture := func(id string, w, h, channels int, pix []byte) error {
		p, rest := splitPicture(id, w, h, channels, pix)
		if err := send(&pb.LoadSetRequest{Part: &pb.LoadSetRequest_Picture{Picture: p}}); err != nil {
			return err
		}
		return sendChunks(rest, func(c *pb.Chunk) error {
			return send(&pb.LoadSetRequest{Part: &pb.LoadSetRequest_Chunk{Chunk: c}})
		})
	}
	for _, m := range set.Normals {
		if err := picture(m.ID, m.Width, m.Height, 3, m.Pix); err != nil {
			return err
		}
	}
	for _, d := range set.Defects {
		for _, p := range d.Pairs {
			if err := picture(p.Image.ID, p.Image.Width, p.Image.Height, 3, p.Image.Pix); err != nil {
				return err
			}
			if err := picture("", p.Mask.Width, p.Mask.Height, 1, p.Mask.Pix); err != nil {
				return err
			}
		}
	}
	return nil
}

// Fit asks the generator to learn from a set; see Generator.
func (c *Client) Fit(ctx context.Context, req *FitRequest, progress func(Progress)) error {
	if err := c.LoadSet(ctx, req.Set, nil); err != nil {
		return err
	}
	m := &pb.FitRequest{SetId: c.idOf(req.Set), Options: req.Options, Checkpoint: req.Checkpoint, Seed: req.Seed}
	grease(m)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.service.Fit(ctx, m, callOptions()...)
	if err != nil {
		return fromStatus(ctx, err)
	}
	for {
		m, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		progress(Progress{Done: int(m.GetDone()), Total: int(m.GetTotal()), Loss: m.GetLoss(), Message: m.GetMessage()})
	}
}

// Generate asks for samples; see Generator. It ends the call as soon as emit
// returns an error.
func (c *Client) Generate(ctx context.Context, req *Request, emit func(*Sample) error) error {
	if err := c.LoadSet(ctx, req.Set, nil); err != nil {
		return err
	}
	m := &pb.GenerateRequest{
		SetId: c.idOf(req.Set), Defect: req.Defect,
		Width: uint32(req.Width), Height: uint32(req.Height),
		First: uint32(req.First), Count: uint32(req.Count), Seeds: req.Seeds,
		Options: req.Options, Checkpoint: req.Checkpoint,
	}
	grease(m)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.service.Generate(ctx, m, callOptions()...)
	if err != nil {
		return fromStatus(ctx, err)
	}
	for {
		m, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		s, err := receiveSample(m.GetSample(), req, func() (*pb.Chunk, error) {
			m, err := stream.Recv()
			if err == io.EOF {
				return nil, io.ErrUnexpectedEOF
			}
			if err != nil {
				return nil, fromStatus(ctx, err)
			}
			return m.GetChunk(), nil
		})
		if err != nil {
			return err
		}
		if err := emit(s); err != nil {
			return err
		}
	}
}

// Close lets the generator release what it holds.
func (c *Client) Close(ctx context.Context) error {
	_, err := c.service.Close(ctx, &pb.CloseRequest{})
	return fromStatus(ctx, err)
}

func (c *Client) idOf(set *FewShotSet) string {
	if set == nil {
		return ""
	}
	return c.setID
}

// receiveSample refuses pictures of another size than asked for before it
// collects them, so that a plugin cannot fill the memory of its host.
func receiveSample(m *pb.Sample, req *Request, next func() (*pb.Chunk, error)) (*Sample, error) {
	if m == nil {
		return nil, errors.New("the generator sent a message that is not a sample where one was due")
	}
	wrap := func(what string, err error) error {
		return fmt.Errorf("sample %d: %s: %w", m.GetIndex(), what, err)
	}
	s := &Sample{Index: int(m.GetIndex()), Seed: m.GetSeed(), Source: m.GetSource()}
	if m.Image == nil {
		return nil, wrap("image", errors.New("is missing"))
	}
	if err := sized(m.Image, req); err != nil {
		return nil, wrap("image", err)
	}
	pix, err := joinPicture(m.Image, 3, next)
	if err != nil {
		return nil, wrap("image", err)
	}
	s.Image = Image{ID: m.Image.GetId(), Width: int(m.Image.GetWidth()), Height: int(m.Image.GetHeight()), Pix: pix}
	if m.Mask != nil {
		if err := sized(m.Mask, req); err != nil {
			return nil, wrap("mask", err)
		}
		pix, err := joinPicture(m.Mask, 1, next)
		if err != nil {
			return nil, wrap("mask", err)
		}
		s.Mask = &Mask{Width: int(m.Mask.GetWidth()), Height: int(m.Mask.GetHeight()), Pix: pix}
	}
	return s, nil
}

func sized(p *pb.Picture, req *Request) error {
	if p.GetWidth() != uint32(req.Width) || p.GetHeight() != uint32(req.Height) {
		return fmt.Errorf("is %dx%d, not the requested %dx%d", p.GetWidth(), p.GetHeight(), req.Width, req.Height)
	}
	return nil
}

// id names the set by its content.
func (s *FewShotSet) id() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d\n", s.Category, len(s.Normals))
	for _, m := range s.Normals {
		fmt.Fprintf(h, "%q %d %d\n", m.ID, m.Width, m.Height)
		h.Write(m.Pix)
	}
	for _, d := range s.Defects {
		fmt.Fprintf(h, "%q %d\n", d.Name, len(d.Pairs))
		for _, p := range d.Pairs {
			fmt.Fprintf(h, "%q %d %d\n", p.Image.ID, p.Image.Width, p.Image.Height)
			h.Write(p.Image.Pix)
			h.Write(p.Mask.Pix)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// grease adds a field that no plugin knows, from the numbers that the contract
// reserves for it, so that a plugin which refuses the unknown fails today and
// not when the contract grows.
func grease(m proto.Message) {
	number := protowire.Number(900 + rand.IntN(100))
	b := protowire.AppendTag(nil, number, protowire.BytesType)
	b = protowire.AppendString(b, "grease")
	m.ProtoReflect().SetUnknown(b)
}

// A RemoteError is an error that the generator itself returned, or how its
// answer broke off.
type RemoteError struct {
	Message string
	Broken  bool // the connection broke: the plugin died, or sent what is not gRPC
}

func (e *RemoteError) Error() string { return e.Message }

// fromStatus makes plain errors of gRPC's.
func fromStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.DeadlineExceeded:
		// The plugin's clock may be a little ahead of ours, which knows the cause.
		if at, ok := ctx.Deadline(); ok && time.Until(at) < time.Second {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return context.DeadlineExceeded
	case codes.Unavailable:
		return &RemoteError{Message: "the connection broke: " + s.Message(), Broken: true}
	case codes.Unimplemented:
		return &RemoteError{Message: "the plugin lacks a call of the contract: " + s.Message()}
	case codes.ResourceExhausted:
		return &RemoteError{Message: "a message is too large: " + s.Message()}
	}
	return &RemoteError{Message: s.Message()}
}
