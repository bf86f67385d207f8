package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/anobench/anobench/plugins/sdk/pb"
)

// NewServer returns a gRPC server of gen with the limits of the contract, as
// Serve uses and as an in-process test may. A generator that also has a method
// Close() error is closed when the harness is done with it.
func NewServer(gen Generator, opts ...grpc.ServerOption) *grpc.Server {
	s := grpc.NewServer(append([]grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
	}, opts...)...)
	pb.RegisterGeneratorServer(s, newService(gen))
	return s
}

// service answers the calls of the contract with a Generator.
type service struct {
	pb.UnimplementedGeneratorServer
	gen  Generator
	turn chan struct{} // held by the one call that runs

	set   *FewShotSet // the last that was loaded; read and written in turn
	setID string
}

func newService(gen Generator) *service {
	return &service{gen: gen, turn: make(chan struct{}, 1)}
}

// inTurn runs call when no other runs, and turns its panic into an error whose
// stack is in the log.
func (s *service) inTurn(ctx context.Context, call func() error) (err error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{fmt.Sprintf("panic: %v", r), debug.Stack()}
		}
		if p, ok := errors.AsType[*panicError](err); ok {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, p.stack)
			err = status.Errorf(codes.Internal, "the generator failed: %v (its log has the stack)", err)
		}
	}()
	err = call()
	if err != nil && ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return err
}

func (s *service) Describe(ctx context.Context, _ *pb.DescribeRequest) (r *pb.DescribeResponse, err error) {
	err = s.inTurn(ctx, func() error {
		r = describeToWire(s.gen.Describe())
		return nil
	})
	return r, err
}

func (s *service) Estimate(ctx context.Context, req *pb.EstimateRequest) (r *pb.EstimateResponse, err error) {
	estimator, ok := s.gen.(Estimator)
	if !ok {
		return s.UnimplementedGeneratorServer.Estimate(ctx, req)
	}
	err = s.inTurn(ctx, func() error {
		opts, err := ValidateOptions(s.gen.Describe().Options, req.GetOptions())
		if err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		e, err := estimator.Estimate(opts, int(req.GetWidth()), int(req.GetHeight()), int(req.GetDefects()))
		if err != nil {
			return err
		}
		r = &pb.EstimateResponse{Parameters: e.Parameters, Memory: e.Memory, FitSeconds: e.Fit.Seconds(), SampleSeconds: e.Sample.Seconds(), Needs: e.Needs}
		return nil
	})
	return r, err
}

func (s *service) LoadSet(stream grpc.ClientStreamingServer[pb.LoadSetRequest, pb.LoadSetResponse]) error {
	return s.inTurn(stream.Context(), func() error {
		s.set, s.setID = nil, ""
		set, id, err := receiveSet(func() (*pb.LoadSetRequest, error) {
			m, err := stream.Recv()
			if err == io.EOF {
				return nil, io.ErrUnexpectedEOF
			}
			return m, err
		})
		if err != nil {
			return status.Errorf(codes.InvalidArgument, "few-shot set: %v", err)
		}
		s.set, s.setID = set, id
		return stream.SendAndClose(&pb.LoadSetResponse{})
	})
}

func receiveSet(recv func() (*pb.LoadSetRequest, error)) (*FewShotSet, string, error) {
	first, err := recv()
	if err != nil {
		return nil, "", err
	}
	header := first.GetHeader()
	if header == nil {
		return nil, "", errors.New("does not start with its header")
	}
	picture := func(channels int) (*pb.Picture, []byte, error) {
		m, err := recv()
		if err != nil {
			return nil, nil, err
		}
		p := m.GetPicture()
		if p == nil {
			return nil, nil, errors.New("a message is not a picture where one was due")
		}
		pix, err := joinPicture(p, channels, func() (*pb.Chunk, error) {
			m, err := recv()
			return m.GetChunk(), err
		})
		if err != nil {
			return nil, nil, fmt.Errorf("picture %q: %w", p.GetId(), err)
		}
		return p, pix, nil
	}
	image := func() (Image, error) {
		p, pix, err := picture(3)
		return Image{ID: p.GetId(), Width: int(p.GetWidth()), Height: int(p.GetHeight()), Pix: pix}, err
	}
	set := &FewShotSet{Category: header.GetCategory()}
	for range header.GetNormals() {
		m, err := image()
		if err != nil {
			return nil, "", err
		}
		set.Normals = append(set.Normals, m)
	}
	for _, dh := range header.GetDefects() {
		d := Defect{Name: dh.GetName()}
		for range dh.GetPairs() {
			m, err := image()
			if err != nil {
				return nil, "", err
			}
			p, pix, err := picture(1)
			if err != nil {
				return nil, "", err
			}
			d.Pairs = append(d.Pairs, Pair{m, Mask{Width: int(p.GetWidth()), Height: int(p.GetHeight()), Pix: pix}})
		}
		set.Defects = append(set.Defects, d)
	}
	return set, header.GetId(), set.Validate()
}

// lookup returns the loaded set if it is the one that a request names.
func (s *service) lookup(id string) (*FewShotSet, error) {
	switch id {
	case "":
		return nil, nil
	case s.setID:
		return s.set, nil
	}
	return nil, status.Errorf(codes.FailedPrecondition, "set %q is not loaded: send it first", clip(id))
}

func (s *service) Fit(m *pb.FitRequest, stream grpc.ServerStreamingServer[pb.FitResponse]) error {
	ctx := stream.Context()
	return s.inTurn(ctx, func() error {
		set, err := s.lookup(m.GetSetId())
		if err != nil {
			return err
		}
		var sending sync.Mutex // authors may report from any goroutine
		req := &FitRequest{Set: set, Options: m.GetOptions(), Checkpoint: m.GetCheckpoint(), Seed: m.GetSeed()}
		return s.gen.Fit(ctx, req, func(p Progress) {
			sending.Lock()
			defer sending.Unlock()
			// A failed send means that the harness has gone: ctx ends the fit.
			_ = stream.Send(&pb.FitResponse{
				Done: int64(p.Done), Total: int64(p.Total), Loss: p.Loss, Message: p.Message,
			})
		})
	})
}

func (s *service) Generate(m *pb.GenerateRequest, stream grpc.ServerStreamingServer[pb.GenerateResponse]) error {
	ctx := stream.Context()
	return s.inTurn(ctx, func() error {
		set, err := s.lookup(m.GetSetId())
		if err != nil {
			return err
		}
		req := &Request{
			Set: set, Defect: m.GetDefect(),
			Width: int(m.GetWidth()), Height: int(m.GetHeight()),
			First: int(m.GetFirst()), Count: int(m.GetCount()), Seeds: m.GetSeeds(),
			Options: m.GetOptions(), Checkpoint: m.GetCheckpoint(),
		}
		return s.gen.Generate(ctx, req, func(sample *Sample) error {
			return sendSample(sample, stream.Send)
		})
	})
}

func sendSample(s *Sample, send func(*pb.GenerateResponse) error) error {
	m := &pb.Sample{Index: uint32(s.Index), Seed: s.Seed, Source: s.Source}
	var rest, maskRest []byte
	m.Image, rest = splitPicture(s.Image.ID, s.Image.Width, s.Image.Height, 3, s.Image.Pix)
	if s.Mask != nil {
		m.Mask, maskRest = splitPicture("", s.Mask.Width, s.Mask.Height, 1, s.Mask.Pix)
	}
	if err := send(&pb.GenerateResponse{Part: &pb.GenerateResponse_Sample{Sample: m}}); err != nil {
		return err
	}
	chunk := func(c *pb.Chunk) error {
		return send(&pb.GenerateResponse{Part: &pb.GenerateResponse_Chunk{Chunk: c}})
	}
	if err := sendChunks(rest, chunk); err != nil {
		return err
	}
	return sendChunks(maskRest, chunk)
}

func (s *service) Close(ctx context.Context, _ *pb.CloseRequest) (*pb.CloseResponse, error) {
	return &pb.CloseResponse{}, s.inTurn(ctx, func() error {
		s.set, s.setID = nil, ""
		if c, ok := s.gen.(io.Closer); ok {
			return c.Close()
		}
		return nil
	})
}
