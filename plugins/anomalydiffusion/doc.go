// Package anomalydiffusion is the paper's generator (Hu et al., AAAI 2024): a latent
// diffusion model that paints a given anomaly into a given mask of a normal image.
package anomalydiffusion
