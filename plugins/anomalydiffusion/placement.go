package anomalydiffusion

import "github.com/anobench/anobench/plugins/sdk"

// Anomalies of objects are where objects can have them: a chip is at an edge. On a
// texture they are anywhere.
const (
	compared    = 50  // normal images at most
	objectAlike = 0.4 // least share for an object
)

// texture says that normal images have little in common at the same place: the variance
// of their mean over the image is a small share of their own.
func texture(normals []sdk.Image) bool { return alike(normals) < objectAlike }

// alike is that share, of the sum of the channels: 1 for an object that is always at the
// same place, near 0 for many images of a texture.
func alike(normals []sdk.Image) float64 {
	normals = normals[:min(compared, len(normals))]
	if len(normals) == 0 {
		return 1
	}
	mean, gray := make([]float64, len(normals[0].Pix)/3), make([]float64, len(normals[0].Pix)/3)
	own := 0.0
	for _, n := range normals {
		for i := range gray {
			gray[i] = float64(n.Pix[3*i]) + float64(n.Pix[3*i+1]) + float64(n.Pix[3*i+2])
			mean[i] += gray[i] / float64(len(normals))
		}
		own += variance(gray) / float64(len(normals))
	}
	if own == 0 {
		return 1
	}
	return variance(mean) / own
}

func variance(x []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return squares / float64(len(x))
}
